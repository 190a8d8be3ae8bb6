#pragma once

/// What every operator's command has in common: the durable storage that it works on, and its output.

#include "cli/command.hpp"
#include "cli/storage_option.hpp"
#include "spider/storage/sqlite.hpp"
#include "spider/system_clock.hpp"

#include <memory>
#include <string>
#include <utility>

namespace CLI {
class App;
}

namespace spider::cli {

struct OperatorOptions {
  std::string storage;  ///< "sqlite:PATH"
  std::string json;     ///< a file, "-" for the console, or empty for none
};

/// Adds `--storage`, required, and `--json`.
auto add_operator_options(CLI::App& command, OperatorOptions& options) -> void;

/// One open storage and a thread's worth of execution: the caller's.
class OperatorStorage {
 public:
  enum class Missing : std::uint8_t { refuse, create };

  /// Keeps whatever is in the file: nothing is removed because of its age or number.
  /// Errors: `invalid_argument` unless `storage` is "sqlite:PATH"; `SqliteErrc`, `io_error` when there is no
  /// such file and none is to be made.
  [[nodiscard]] auto open(const std::string& storage, Missing missing) -> Result<void>;
  /// The same with options of one's own; `path` is taken from `storage`.
  [[nodiscard]] auto open(const std::string& storage, Missing missing, SqliteStorageOptions options)
      -> Result<void>;

  [[nodiscard]] auto operator->() const -> Storage* { return storage_.get(); }
  [[nodiscard]] auto now() const -> TimePoint { return clock_.now(); }
  template <class T>
  auto run(Async<T> work) -> Result<T> {
    return block_on(context_, std::move(work));
  }

 private:
  asio::io_context context_{1};
  SystemClock clock_{context_.get_executor()};
  std::unique_ptr<Storage> storage_;
};

/// Says what went wrong on the console's error stream; returns the exit status that goes with it.
auto complain(Console console, const char* command, const Error& error) -> ExitStatus;

}  // namespace spider::cli
