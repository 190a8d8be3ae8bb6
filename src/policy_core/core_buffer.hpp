#pragma once

/// What PolicyCore holds and how it decides, without any input or output: lanes, deduplication,
/// finalizing jobs, the policy. Not thread-safe; a failure of the policy is a value here.

#include "policy_core/task_index.hpp"
#include "spider/error.hpp"
#include "spider/policy_core.hpp"
#include "spider/scheduling_policy.hpp"

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <unordered_map>

namespace spider::inline v1::detail {

enum class Ingest : std::uint8_t {
  admitted,
  moved,       ///< was buffered in a less urgent class
  duplicate,   ///< is buffered already
  finalizing,  ///< its job is finalizing: ignored
};

class CoreBuffer {
 public:
  CoreBuffer(std::unique_ptr<SchedulingPolicy> policy, const PolicyCoreOptions& options);

  /// Takes one entry into the lane of its kind. A commit or cleanup entry makes its job finalizing
  /// and drops its regular ones; `dropped()` then says how many.
  /// Errors: `policy_failed`.
  [[nodiscard]] auto ingest(const InboundEntry& entry, TimePoint now) -> Result<Ingest>;
  [[nodiscard]] auto dropped() const noexcept -> std::size_t { return dropped_; }

  /// Chooses, removes and returns the next entry by lane rotation and policy.
  /// Errors: `policy_failed`.
  [[nodiscard]] auto next(TimePoint now) -> Result<std::optional<InboundEntry>>;

  /// An entry that could not be enqueued after all goes first next time.
  auto put_back(const InboundEntry& entry) -> void { put_back_ = entry; }

  /// Drops what is buffered of an ended job. Errors: `policy_failed`.
  [[nodiscard]] auto end_job(JobId job) -> Result<std::size_t>;

  /// Forgets everything; returns how many entries that were. Errors: `policy_failed`.
  [[nodiscard]] auto clear() -> Result<std::size_t>;

  [[nodiscard]] auto budget(TaskKind lane) const -> std::size_t;
  [[nodiscard]] auto empty() const -> bool { return size() == 0; }
  [[nodiscard]] auto size() const -> std::size_t;
  [[nodiscard]] auto regular() const -> std::size_t { return policy_->size(); }
  [[nodiscard]] auto wake_at() const -> std::optional<TimePoint>;
  [[nodiscard]] auto policy() const -> const SchedulingPolicy& { return *policy_; }
  [[nodiscard]] auto work_conserving() const noexcept -> bool { return work_conserving_; }
  auto fill(PolicyCoreGauges& gauges) const -> void;

 private:
  using Lane = std::deque<InboundEntry>;

  [[nodiscard]] auto ingest_regular(const InboundEntry& entry, TimePoint now) -> Result<Ingest>;
  [[nodiscard]] auto next_regular(TimePoint now) -> Result<std::optional<InboundEntry>>;
  [[nodiscard]] auto next_of(TaskKind lane, TimePoint now) -> Result<std::optional<InboundEntry>>;
  [[nodiscard]] auto drop_regular(JobId job) -> Result<std::size_t>;
  [[nodiscard]] auto is_finalizing(JobId job, TimePoint now) -> bool;
  auto mark_finalizing(JobId job, TimePoint now) -> void;
  [[nodiscard]] auto lane(TaskKind kind) -> Lane& { return lanes_[kind == TaskKind::commit ? 0 : 1]; }
  [[nodiscard]] auto lane(TaskKind kind) const -> const Lane& {
    return lanes_[kind == TaskKind::commit ? 0 : 1];
  }
  [[nodiscard]] auto quantum(TaskKind lane) const -> std::size_t;

  std::unique_ptr<SchedulingPolicy> policy_;
  bool work_conserving_ = true;
  std::size_t buffered_max_;
  std::size_t lane_quantum_;
  Duration finalizing_expiry_;
  std::size_t finalizing_max_;

  TaskIndex index_;
  // Tasks with a second copy in the policy, because they were moved to a more urgent class: how many
  // copies are still to be skipped.
  std::unordered_map<TaskRef, std::uint32_t> spare_copies_;
  std::array<Lane, 2> lanes_;
  std::unordered_map<JobId, TimePoint> finalizing_;               // until when
  std::deque<std::pair<TimePoint, JobId>> finalizing_by_expiry_;  // may name a job that is gone
  std::optional<InboundEntry> put_back_;
  TaskKind turn_ = TaskKind::commit;
  std::size_t used_ = 0;
  std::size_t dropped_ = 0;
};

}  // namespace spider::inline v1::detail
