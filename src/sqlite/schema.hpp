#pragma once

/// The file: how it is opened, what is refused, and its tables.

#include "spider/storage/sqlite.hpp"
#include "sqlite/connection.hpp"

#include <memory>

namespace spider::inline v1::detail {

inline constexpr int kApplicationId = 0x53504452;  // "SPDR"
inline constexpr int kSchemaVersion = 3;

/// Opens the file, creates the tables in an empty one. Errors: `SqliteErrc`.
[[nodiscard]] auto open_file(const SqliteStorageOptions& options) -> Result<std::unique_ptr<Connection>>;

/// Why the file could not be used, for whoever opens it: the `SqliteErrc` of a failure, with path and text.
[[nodiscard]] auto refusal(const SqlFailure& failure, const std::string& path) -> Error;

}  // namespace spider::inline v1::detail
