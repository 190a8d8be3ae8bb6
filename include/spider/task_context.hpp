#pragma once

/// What a handler may know about the task it runs. Made by execution managers, and in unit tests of
/// handlers by hand: `TaskContext task{facts}`.
///
/// It lives as long as the handler runs. Read-only but for the stop token, which is thread-safe.

#include "spider/codec.hpp"
#include "spider/types.hpp"

#include <cstddef>
#include <cstdint>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

namespace spider {
inline namespace v1 {

struct TaskFacts {
  TaskFacts() = default;

  TaskRef task;
  std::uint32_t attempt = 1;                ///< from 1
  std::uint32_t index = 0;                  ///< which one of its array, from 0
  TimePoint deadline = kForever;            ///< of this attempt
  std::vector<std::vector<Bytes>> parents;  ///< by parent, in the order of `after`; one output per task
};

class TaskContext {
 public:
  explicit TaskContext(TaskFacts facts, std::stop_token stop = {})
      : facts_{std::move(facts)}, stop_{std::move(stop)} {}
  TaskContext(const TaskContext&) = delete;
  auto operator=(const TaskContext&) -> TaskContext& = delete;

  [[nodiscard]] auto task() const noexcept -> TaskRef { return facts_.task; }
  /// 1 the first time; grows with each attempt that was spent.
  [[nodiscard]] auto attempt() const noexcept -> std::uint32_t { return facts_.attempt; }
  /// Which element of its task array, from 0.
  [[nodiscard]] auto index() const noexcept -> std::uint32_t { return facts_.index; }
  /// When the attempt will have failed with `deadline_exceeded`; kForever where it has no timeout.
  [[nodiscard]] auto deadline() const noexcept -> TimePoint { return facts_.deadline; }

  /// Asked to stop: past the deadline, cancelled, fenced, or the manager stops. Whatever the handler
  /// answers after that counts for little: return soon. A coroutine's pending operation is cancelled
  /// besides.
  [[nodiscard]] auto stop_token() const noexcept -> const std::stop_token& { return stop_; }
  [[nodiscard]] auto stop_requested() const noexcept -> bool { return stop_.stop_requested(); }

  [[nodiscard]] auto parent_count() const noexcept -> std::size_t { return facts_.parents.size(); }

  /// The output of parent `k`, a single task, in the order of `after`. Throws `std::system_error`, which
  /// fails the attempt with its text if the handler lets it: `invalid_argument` when there is no such
  /// parent or it is an array, `payload_error` when its output does not decode as a T.
  template <Encodable T>
  [[nodiscard]] auto parent(std::size_t k = 0) const -> T {
    return decode<T>(k, single_output(k));
  }
  /// The outputs of all tasks of parent `k`, an array or a single task, by element. Throws as `parent`.
  template <Encodable T>
  [[nodiscard]] auto parents(std::size_t k = 0) const -> std::vector<T> {
    std::vector<T> values;
    for (const auto& output : outputs(k)) values.push_back(decode<T>(k, output));
    return values;
  }

 private:
  [[nodiscard]] auto outputs(std::size_t k) const -> const std::vector<Bytes>&;
  [[nodiscard]] auto single_output(std::size_t k) const -> const Bytes&;
  [[noreturn]] static auto bad_output(std::size_t k, const Error& error) -> void;

  template <class T>
  [[nodiscard]] static auto decode(std::size_t k, const Bytes& output) -> T {
    auto decoded = Codec<T>::decode(output);
    if (!decoded) bad_output(k, decoded.error());
    return std::move(decoded).value();
  }

  TaskFacts facts_;
  std::stop_token stop_;
};

}  // namespace v1
}  // namespace spider
