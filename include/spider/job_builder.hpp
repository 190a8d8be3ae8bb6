#pragma once

/// The comfortable way to describe a job:
///
///   JobBuilder job{"alice"};
///   auto photo = job.task("decode", "in.jpg");
///   auto thumb = job.task("resize", 256).after(photo);
///   const JobSpec spec = job.spec();
///
/// Nothing here fails on the spot: whoever takes the builder (`Scheduler::submit`) looks at
/// `error()`. Should nobody look, the spec of a faulty builder is one that every storage refuses.
/// Not thread-safe: a builder and its handles belong to one thread at a time.

#include "spider/codec.hpp"
#include "spider/job.hpp"

#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>

namespace spider {
inline namespace v1 {

namespace detail {

struct JobDraft;

/// Text of any form travels as a std::string, everything else by the codec of its own type.
template <class T>
[[nodiscard]] auto encode_input(const T& input) -> Bytes {
  if constexpr (std::convertible_to<const T&, std::string_view>) {
    return Bytes{std::string_view{input}};
  } else {
    static_assert(Encodable<T>, "give the type of this input a spider::Codec: see spider/codec.hpp");
    return Codec<T>::encode(input);
  }
}

/// A count as TaskSpec::count, or 0, which every storage refuses, where it does not fit.
template <std::integral N>
[[nodiscard]] constexpr auto array_count(N count) noexcept -> std::uint32_t {
  return std::in_range<std::uint32_t>(count) ? static_cast<std::uint32_t>(count) : 0;
}

}  // namespace detail

/// Names one node of a job under construction: a task, an array, the commit or the cleanup task. A
/// small value: copy it freely. It shares the draft with its builder, so using it when the builder
/// has moved or died is harmless, in the latter case without effect.
class TaskHandle {
 public:
  /// The node runs when every task of the parents has succeeded. The order of the parents is the
  /// order in which `TaskContext::parent` counts them; repeated calls add to it.
  /// `unknown_parent` is recorded when a parent comes from another builder, or is no regular task.
  template <std::same_as<TaskHandle>... Handles>
  auto after(const TaskHandle& first, const Handles&... more) -> TaskHandle {
    add_parent(first);
    (add_parent(more), ...);
    return *this;
  }
  auto after(std::span<const TaskHandle> parents) -> TaskHandle;

  /// A label, unique within the job; a valid name.
  auto name(std::string label) -> TaskHandle;
  auto retry(RetryPolicy policy) -> TaskHandle;
  /// Of one attempt; 0 = none.
  auto timeout(Duration duration) -> TaskHandle;
  /// The expected run time; 0 = unknown.
  auto estimate(Duration duration) -> TaskHandle;
  auto instances_max(std::uint32_t count) -> TaskHandle;
  /// Tasks of one resource group with equal keys are the same work (coalesce_key.hpp).
  auto coalesce(CoalesceKey key) -> TaskHandle;

  /// The position in JobSpec::tasks. Precondition: a regular task or an array.
  [[nodiscard]] auto node() const noexcept -> std::uint32_t { return node_; }
  /// The index of its first task in the job, and how many there are.
  [[nodiscard]] auto first_task() const noexcept -> TaskId;
  [[nodiscard]] auto count() const noexcept -> std::uint32_t;

 private:
  friend class JobBuilder;
  TaskHandle(std::shared_ptr<detail::JobDraft> draft, std::uint32_t node);
  auto add_parent(const TaskHandle& parent) -> void;
  [[nodiscard]] auto task() const noexcept -> TaskSpec&;

  std::shared_ptr<detail::JobDraft> draft_;
  std::uint32_t node_;
};

/// Movable, not copyable: its handles follow the one draft.
class JobBuilder {
 public:
  /// `resource_group`: the tenant that owns the job; a valid name.
  explicit JobBuilder(std::string resource_group = "default");
  JobBuilder(JobBuilder&&) noexcept = default;
  auto operator=(JobBuilder&&) noexcept -> JobBuilder& = default;

  /// Adds a task. Without an input it gets no bytes.
  auto task(std::string handler) -> TaskHandle { return add(std::move(handler), Bytes{}, 1); }
  template <class T>
  auto task(std::string handler, const T& input) -> TaskHandle {
    return add(std::move(handler), detail::encode_input(input), 1);
  }

  /// Adds `count` like tasks; each learns its number from `TaskContext::index`. `invalid_argument` is
  /// recorded when `count` is not 1 … 2^30 - 1.
  template <std::integral N>
  auto array(std::string handler, N count) -> TaskHandle {
    return add(std::move(handler), Bytes{}, detail::array_count(count));
  }
  template <std::integral N, class T>
  auto array(std::string handler, N count, const T& input) -> TaskHandle {
    return add(std::move(handler), detail::encode_input(input), detail::array_count(count));
  }

  /// The task that runs after all others have succeeded. A second call replaces the first.
  auto commit(std::string handler) -> TaskHandle { return set_commit(std::move(handler), Bytes{}); }
  template <class T>
  auto commit(std::string handler, const T& input) -> TaskHandle {
    return set_commit(std::move(handler), detail::encode_input(input));
  }

  /// The task that runs when the job is cancelled or its commit failed. A second call replaces the
  /// first.
  auto cleanup(std::string handler) -> TaskHandle { return set_cleanup(std::move(handler), Bytes{}); }
  template <class T>
  auto cleanup(std::string handler, const T& input) -> TaskHandle {
    return set_cleanup(std::move(handler), detail::encode_input(input));
  }

  auto queue(std::string name) -> JobBuilder&;
  auto priority(PriorityClass value) -> JobBuilder&;
  auto weight(double of_the_group) -> JobBuilder&;
  auto unique_key(std::string key) -> JobBuilder&;
  auto not_before(TimePoint at) -> JobBuilder&;
  auto deadline(TimePoint at) -> JobBuilder&;

  /// The first mistake: `unknown_parent`, `invalid_argument`, `limit_exceeded` (over 2^30 - 1
  /// tasks); its detail names the task.
  [[nodiscard]] auto error() const noexcept -> const std::optional<Error>&;

  /// The job as described so far, as a copy. What is faulty is refused at submit: a foreign parent
  /// stands as a position that no job has, a bad count as 0.
  [[nodiscard]] auto spec() const -> JobSpec;
  operator JobSpec() const { return spec(); }  // NOLINT(google-explicit-constructor)

 private:
  auto add(std::string handler, Bytes input, std::uint32_t count) -> TaskHandle;
  auto set_commit(std::string handler, Bytes input) -> TaskHandle;
  auto set_cleanup(std::string handler, Bytes input) -> TaskHandle;

  std::shared_ptr<detail::JobDraft> draft_;
};

}  // namespace v1
}  // namespace spider
