#include "cli/storage_option.hpp"

#include "spider/storage/sqlite.hpp"

namespace spider::cli {

auto sqlite_path(std::string_view storage) -> Result<std::string> {
  constexpr std::string_view kSqlite = "sqlite:";
  if (storage == "memory:") return std::string{};
  if (storage.starts_with(kSqlite) && storage.size() > kSqlite.size()) {
    return std::string{storage.substr(kSqlite.size())};
  }
  return Error{Errc::invalid_argument,
               "--storage takes memory: or sqlite:PATH, not '" + std::string{storage} + '\''};
}

auto status_of(const Error& error) -> ExitStatus {
  const auto of_storage =
      error == Errc::storage_unavailable || error.code.category() == sqlite_error_category();
  return of_storage ? kStorageFailed : kBadInput;
}

}  // namespace spider::cli
