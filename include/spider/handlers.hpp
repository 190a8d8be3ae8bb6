#pragma once

/// What an application does with its tasks: functions, registered under the names that tasks ask for.
///
///   std::string decode(std::string path);
///   std::string resize(TaskContext& task, int width);     // sees attempt, parents' outputs, stop token
///   Async<void> notify(std::string address);              // a coroutine
///   Answer<int> probe(TaskContext& task);                 // may answer Retry::after or Retry::never
///
///   Handlers handlers;
///   handlers.add("decode", decode).add("resize", resize);
///
/// handler.hpp says which functions will do.

#include "spider/coalesce_by.hpp"
#include "spider/handler.hpp"
#include "spider/job.hpp"

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace spider {
inline namespace v1 {

/// Handlers by name. A copy is a registry of its own that shares the callables. Not thread-safe while
/// it is being filled.
class Handlers {
 public:
  /// Registers `function` under `name`. The first mistake stays in `error()`, where `Scheduler` and
  /// `LocalExecutionManager` find it, so that a program may ignore it here. A capturing lambda may be a
  /// coroutine: its closure lives as long as it runs.
  /// Errors (in `error()`): `invalid_name`; `duplicate_name`, and the first handler stays.
  template <class Function>
  auto add(std::string name, Function function) -> Handlers& {
    return insert(std::move(name), make_handler(std::move(function)));
  }

  /// Declares that tasks of handler `name` fold, by keys made of their inputs: `Scheduler` gives its key
  /// to every task of a submitted job that has none. The operation is the handler's name. Off unless
  /// declared; an input that does not decode as a Target gets no key.
  /// Errors (in `error()`): those of CoalesceBy::check; `invalid_name`; `duplicate_name`.
  template <class Target>
  auto coalesce(std::string name, CoalesceBy<Target> by) -> Handlers& {
    auto checked = by.check();
    auto key = [name, by = std::move(by)](const Bytes& input) -> std::optional<CoalesceKey> {
      const auto target = Codec<Target>::decode(input);
      return target ? by.key(name, target.value()) : std::nullopt;
    };
    return insert_key(std::move(name), std::move(key), std::move(checked));
  }

  /// Gives every regular task without a key, of which there may be one, the key that is declared for it.
  auto add_keys(JobSpec& job) const -> void;

  /// Null where there is none.
  [[nodiscard]] auto find(std::string_view name) const -> std::shared_ptr<const Handler>;
  [[nodiscard]] auto size() const noexcept -> std::size_t { return handlers_.size(); }
  [[nodiscard]] auto error() const noexcept -> const std::optional<Error>& { return error_; }

 private:
  using MakeKey = std::function<std::optional<CoalesceKey>(const Bytes& input)>;

  auto insert(std::string name, Handler handler) -> Handlers&;
  auto insert_key(std::string name, MakeKey key, Result<void> checked) -> Handlers&;

  std::map<std::string, std::shared_ptr<const Handler>, std::less<>> handlers_;
  std::map<std::string, std::shared_ptr<const MakeKey>, std::less<>> keys_;
  std::optional<Error> error_;
};

}  // namespace v1
}  // namespace spider
