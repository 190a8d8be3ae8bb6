#pragma once

/// The vocabulary: identifiers, time, and the values that travel between the parts.
///
/// Everything here is a plain value without behaviour of its own. Values that are passed by value
/// to coroutines are trivially copyable or declare a constructor (see async.hpp for the reason).

#include <chrono>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace spider {
inline namespace v1 {

// ---------------------------------------------------------------------------------------------
// Time. One scale for everything: nanoseconds since the Unix epoch, as given by a Clock
// (clock.hpp). A virtual clock starts at 0 unless told otherwise.

using Duration = std::chrono::nanoseconds;
using TimePoint = std::chrono::sys_time<Duration>;

/// Later than every deadline; "no deadline". Never do arithmetic on it: use `saturating_add`.
inline constexpr TimePoint kForever = TimePoint::max();

/// `at + by` for `by` ≥ 0, or `kForever` where the sum would overflow.
[[nodiscard]] constexpr auto saturating_add(TimePoint at, Duration by) noexcept -> TimePoint {
  return at.time_since_epoch() > Duration::max() - by ? kForever : at + by;
}

/// `seconds` as a Duration, clamped to 0 … 292 years; NaN becomes 0.
[[nodiscard]] constexpr auto from_seconds(double seconds) noexcept -> Duration {
  if (!(seconds > 0)) return Duration::zero();
  return seconds >= 9.2e9 ? Duration::max() : Duration{static_cast<std::int64_t>(seconds * 1e9 + 0.5)};
}
[[nodiscard]] constexpr auto to_seconds(Duration duration) noexcept -> double {
  return static_cast<double>(duration.count()) / 1e9;  // correctly rounded, unlike times 1e-9
}

// ---------------------------------------------------------------------------------------------
// Identifiers. Each is a type of its own; 0 means "none".

/// An opaque 64-bit identifier. `Tag` only keeps the kinds apart.
template <class Tag>
struct Id {
  std::uint64_t value = 0;

  friend constexpr auto operator<=>(Id, Id) = default;
  [[nodiscard]] constexpr explicit operator bool() const noexcept { return value != 0; }
};

using JobId = Id<struct JobTag>;                      ///< drawn by the storage, increasing
using ResourceGroupId = Id<struct ResourceGroupTag>;  ///< the storage's number for a group's name
using SchedulerId = Id<struct SchedulerTag>;          ///< drawn by the storage at registration
using SessionId = Id<struct SessionTag>;              ///< drawn by the storage, increasing
using AssignmentId = Id<struct AssignmentTag>;        ///< drawn by a core, unique per scheduler
using ManagerId = Id<struct ManagerTag>;              ///< chosen by an execution manager at start
using InstanceId = Id<struct InstanceTag>;            ///< drawn by the storage, one per accepted start

/// A good 64-bit mixer (the finaliser of SplitMix64, Steele et al. 2014). `std::hash` of an integer
/// is the identity in libstdc++, which makes open addressing and sharding degenerate.
[[nodiscard]] constexpr auto mix64(std::uint64_t value) noexcept -> std::uint64_t {
  value += 0x9e3779b97f4a7c15U;
  value = (value ^ (value >> 30U)) * 0xbf58476d1ce4e5b9U;
  value = (value ^ (value >> 27U)) * 0x94d049bb133111ebU;
  return value ^ (value >> 31U);
}

/// What a task is to its job. Each kind has its own lane of ready work.
enum class TaskKind : std::uint8_t {
  regular,  ///< a node of the job's graph; lane `ready`
  commit,   ///< runs once, after all regular tasks succeeded; lane `commit`
  cleanup,  ///< runs once, when a job with one fails to commit or is cancelled; lane `cleanup`
};
inline constexpr std::size_t kTaskKinds = 3;

/// One task of a job: its kind, and for regular tasks its index in the job's graph.
class TaskId {
 public:
  static constexpr std::uint32_t kIndexMax = (1U << 30U) - 1;

  constexpr TaskId() = default;
  /// Regular task number `index`, at most `kIndexMax`.
  constexpr explicit TaskId(std::uint32_t index) noexcept : bits_{index} {}
  [[nodiscard]] static constexpr auto commit() noexcept -> TaskId { return TaskId{1U << 30U}; }
  [[nodiscard]] static constexpr auto cleanup() noexcept -> TaskId { return TaskId{2U << 30U}; }

  [[nodiscard]] constexpr auto kind() const noexcept -> TaskKind {
    return static_cast<TaskKind>(bits_ >> 30U);
  }
  /// 0 for the commit and the cleanup task.
  [[nodiscard]] constexpr auto index() const noexcept -> std::uint32_t { return bits_ & kIndexMax; }
  /// A number that no other task of the job has; for hashing and storing.
  [[nodiscard]] constexpr auto bits() const noexcept -> std::uint32_t { return bits_; }

  friend constexpr auto operator<=>(TaskId, TaskId) = default;

 private:
  std::uint32_t bits_ = 0;
};

/// "17", "commit" or "cleanup".
[[nodiscard]] auto to_string(TaskId task) -> std::string;

/// A task of any job.
struct TaskRef {
  JobId job;
  TaskId task;

  friend constexpr auto operator<=>(TaskRef, TaskRef) = default;
};

/// Priority class: 0 is the most urgent.
using PriorityClass = std::uint8_t;

/// The storage's number for a queue's name; at most 65,535 queues per storage.
using QueueId = std::uint16_t;

/// Uninterpreted bytes: the input or the output of a task. `Codec` (codec.hpp) gives them a type.
using Bytes = std::string;

/// Whether `name` is one of `[a-zA-Z0-9_.:/-]{1,128}`: handlers, tasks, queues, groups, members.
[[nodiscard]] auto is_valid_name(std::string_view name) noexcept -> bool;

// ---------------------------------------------------------------------------------------------
// What travels from the storage to the core, and from the core to the execution managers.

/// The scheduler-independent facts of one ready task, as polled from a lane.
struct InboundEntry {
  JobId job;
  ResourceGroupId group;
  std::uint64_t coalesce_key = 0;  ///< equal keys of one group are equivalent work; 0 = none
  TimePoint created_at{};          ///< when the job was submitted
  TimePoint ready_at{};            ///< when the task became runnable
  TimePoint deadline = kForever;   ///< of the job; kForever where none is set
  Duration estimate{};             ///< expected run time; 0 = unknown
  TaskId task;
  float weight = 1.0F;  ///< of the resource group; finite and > 0, or 0: as it was before
  QueueId queue = 0;
  std::uint16_t deferrals = 0;   ///< how often a handler put it off
  std::uint16_t deliveries = 0;  ///< how often it was polled before
  PriorityClass priority = 0;

  [[nodiscard]] constexpr auto ref() const noexcept -> TaskRef { return {job, task}; }
};
static_assert(std::is_trivially_copyable_v<InboundEntry> && sizeof(InboundEntry) <= 72);

/// The decision "this task is next", stamped with the session it was decided under.
struct TaskAssignment {
  AssignmentId id;
  JobId job;
  ResourceGroupId group;
  SchedulerId scheduler;
  SessionId session;
  TimePoint created_at{};
  TimePoint ready_at{};
  TaskId task;
  QueueId queue = 0;
  PriorityClass priority = 0;

  [[nodiscard]] constexpr auto ref() const noexcept -> TaskRef { return {job, task}; }
};
static_assert(std::is_trivially_copyable_v<TaskAssignment> && sizeof(TaskAssignment) <= 64);

}  // namespace v1
}  // namespace spider

template <class Tag>
struct std::hash<spider::Id<Tag>> {
  [[nodiscard]] auto operator()(spider::Id<Tag> id) const noexcept -> std::size_t {
    return spider::mix64(id.value);
  }
};
template <>
struct std::hash<spider::TaskRef> {
  [[nodiscard]] auto operator()(spider::TaskRef ref) const noexcept -> std::size_t {
    return spider::mix64(spider::mix64(ref.job.value) ^ ref.task.bits());
  }
};
