#pragma once

/// What PolicyCore holds and how it decides, without any input or output: lanes, deduplication,
/// finalizing jobs, the policy. Not thread-safe; a failure of the policy is a value here.
///
/// What is buffered is counted here, not by the policy: nothing depends on a policy's own `size`.

#include "policy_core/job_lane.hpp"
#include "policy_core/task_index.hpp"
#include "spider/error.hpp"
#include "spider/policy_core.hpp"
#include "spider/scheduling_policy.hpp"

#include <array>
#include <cstdint>
#include <deque>
#include <exception>
#include <memory>
#include <optional>
#include <unordered_map>
#include <utility>

namespace spider::inline v1::detail {

enum class Ingest : std::uint8_t {
  admitted,
  moved,       ///< was buffered in a less urgent class
  duplicate,   ///< is buffered already
  finalizing,  ///< its job is finalizing: ignored
};

class CoreBuffer {
 public:
  CoreBuffer(std::unique_ptr<SchedulingPolicy> policy, bool work_conserving,
             const PolicyCoreOptions& options);

  /// Takes one entry into the lane of its kind. A commit or cleanup entry makes its job finalizing
  /// and drops its regular ones; `dropped()` then says how many.
  /// Errors: `policy_failed`.
  [[nodiscard]] auto ingest(const InboundEntry& entry, TimePoint now) -> Result<Ingest>;
  [[nodiscard]] auto dropped() const noexcept -> std::size_t { return dropped_; }

  /// Chooses the next entry by lane rotation and policy. It stays buffered, and every further call
  /// answers the same one, until `enqueued()` or until it is dropped; null when there is none. Valid until
  /// the next call that is not const. Errors: `policy_failed`.
  [[nodiscard]] auto next(TimePoint now) -> Result<const InboundEntry*>;

  /// What `next` answered has left: its task may be delivered anew.
  auto enqueued() -> void;

  /// Whether and where it waits. Errors: `policy_failed`.
  [[nodiscard]] auto look(TaskRef task) const -> Result<BufferedTask>;

  /// Feedback of a task that was dispatched. Errors: `policy_failed`.
  [[nodiscard]] auto finished(const InboundEntry& entry, Duration cost) -> Result<void>;

  /// Drops what is buffered of an ended job. Errors: `policy_failed`.
  [[nodiscard]] auto end_job(JobId job) -> Result<std::size_t>;

  /// Forgets everything; returns how many entries that were. Errors: `policy_failed`.
  [[nodiscard]] auto clear() -> Result<std::size_t>;

  [[nodiscard]] auto budget(TaskKind lane) const -> std::size_t;
  [[nodiscard]] auto empty() const -> bool { return size() == 0; }
  [[nodiscard]] auto size() const -> std::size_t { return regular() + lanes_[0].size() + lanes_[1].size(); }
  [[nodiscard]] auto regular() const -> std::size_t { return index_.size(); }
  [[nodiscard]] auto work_conserving() const noexcept -> bool { return work_conserving_; }

  /// When the policy wants to be asked again. Errors: `policy_failed`.
  [[nodiscard]] auto wake_at() const -> Result<std::optional<TimePoint>>;
  auto fill(PolicyCoreGauges& gauges) const -> void;

 private:
  [[nodiscard]] auto ingest_regular(const InboundEntry& entry, TimePoint now) -> Result<Ingest>;
  [[nodiscard]] auto next_of(TaskKind lane, TimePoint now) -> Result<std::optional<InboundEntry>>;
  [[nodiscard]] auto next_regular(TimePoint now) -> Result<std::optional<InboundEntry>>;
  [[nodiscard]] auto drop_regular(JobId job) -> Result<std::size_t>;
  [[nodiscard]] auto is_finalizing(JobId job, TimePoint now) -> bool;
  auto mark_finalizing(JobId job, TimePoint now) -> void;
  auto forget_oldest_finalizing() -> void;
  [[nodiscard]] auto skip_copy(TaskRef ref) -> bool;
  [[nodiscard]] auto is_chosen(TaskRef ref) const -> bool { return chosen_ && chosen_->ref() == ref; }
  [[nodiscard]] auto held_by_policy() const -> std::size_t;
  [[nodiscard]] auto lane(TaskKind kind) -> JobLane& { return lanes_[kind == TaskKind::commit ? 0 : 1]; }
  [[nodiscard]] auto quantum(TaskKind lane) const -> std::size_t;

  std::unique_ptr<SchedulingPolicy> policy_;
  bool work_conserving_;
  std::size_t buffered_max_;
  std::size_t lane_quantum_;
  Duration finalizing_expiry_;
  std::size_t finalizing_max_;

  TaskIndex index_;  // buffered regular tasks, the chosen one included
  // A policy cannot give up a single entry: one that moves to a more urgent class is admitted once
  // more, and the copy that comes out last is skipped. How many copies are still to be skipped:
  std::unordered_map<TaskRef, std::size_t> copies_;
  std::size_t copies_total_ = 0;
  std::array<JobLane, 2> lanes_;
  std::unordered_map<JobId, TimePoint> finalizing_;               // until when
  std::deque<std::pair<TimePoint, JobId>> finalizing_by_expiry_;  // may name what is gone or renewed
  std::optional<InboundEntry> chosen_;  // out of the policy, or the front of its lane
  TaskKind turn_ = TaskKind::commit;
  std::size_t used_ = 0;
  std::size_t dropped_ = 0;
};

/// Calls into a user's policy: what it throws becomes `policy_failed`.
template <class Call>
[[nodiscard]] auto guarded(Call call) -> Result<decltype(call())> {
  try {
    return call();
  } catch (const std::exception& error) {
    return Error{Errc::policy_failed, error.what()};
  } catch (...) {
    return Error{Errc::policy_failed, "threw something that is no std::exception"};
  }
}

}  // namespace spider::inline v1::detail
