#pragma once

/// What commands take as `--storage`, and how errors become exit statuses.

#include "cli/command.hpp"
#include "spider/error.hpp"

#include <string>
#include <string_view>

namespace spider::cli {

/// The path in "sqlite:PATH"; empty for "memory:". Errors: `invalid_argument` for anything else.
[[nodiscard]] auto sqlite_path(std::string_view storage) -> Result<std::string>;

/// `kStorageFailed` for what a storage refused or could not do, `kBadInput` for all else.
[[nodiscard]] auto status_of(const Error& error) -> ExitStatus;

}  // namespace spider::cli
