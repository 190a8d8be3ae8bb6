#include "cli/operator/operator_storage.hpp"

#include <CLI/App.hpp>

#include <filesystem>
#include <limits>
#include <ostream>

namespace spider::cli {

auto add_operator_options(CLI::App& command, OperatorOptions& options) -> void {
  command.add_option("--storage", options.storage, "The durable storage to work on")
      ->required()
      ->type_name("sqlite:PATH");
  command.add_option("--json", options.json, "Write JSON, one line each, to FILE; - for only that, here")
      ->type_name("FILE|-");
}

auto OperatorStorage::open(const std::string& storage, Missing missing) -> Result<void> {
  SqliteStorageOptions options;
  options.ended_jobs_kept = Duration::max();
  return open(storage, missing, std::move(options));
}

auto OperatorStorage::open(const std::string& storage, Missing missing, SqliteStorageOptions options)
    -> Result<void> {
  SPIDER_TRY(options.path, sqlite_path(storage));
  if (options.path.empty()) return Error{Errc::invalid_argument, "--storage takes sqlite:PATH here"};
  std::error_code ignored;
  if (missing == Missing::refuse && !std::filesystem::exists(options.path, ignored)) {
    return Error{make_error_code(SqliteErrc::io_error), options.path + ": no such file"};
  }
  options.limits.ended_jobs_max = std::numeric_limits<std::size_t>::max();
  SPIDER_TRY(storage_, open_sqlite_storage(std::move(options), clock_));
  return success();
}

auto complain(Console console, const char* command, const Error& error) -> ExitStatus {
  console.err << "spider " << command << ": " << error << '\n';
  return status_of(error);
}

}  // namespace spider::cli
