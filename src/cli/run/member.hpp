#pragma once

/// One scheduler of a run: alone, or one of several over one storage, with its part of the task slots and its
/// share of the work by `ShardedStorageClient`. One strand.

#include "cli/run/driver.hpp"
#include "cli/run/lag_meter.hpp"
#include "cli/run/monitored_storage.hpp"
#include "cli/run/takeover_meter.hpp"
#include "spider/pull/sharded_storage_client.hpp"
#include "spider/scheduler.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace spider::cli {

/// What the members have in common. Everything outlives them.
struct MemberParts {
  std::shared_ptr<Storage> storage;            ///< unwatched
  std::shared_ptr<MemberDirectory> directory;  ///< null for a single scheduler
  std::shared_ptr<Clock> clock;
  std::shared_ptr<Observer> observer;
  std::shared_ptr<LagFigures> lag;
  Monitor* monitor = nullptr;
  TakeoverMeter* takeovers = nullptr;
};

class Member {
 public:
  /// Number `index` of `options.schedulers`. Starts at once.
  static auto make(const asio::any_io_executor& executor, const MemberParts& parts, const RunOptions& options,
                   std::size_t index, ManagerId manager) -> Result<std::unique_ptr<Member>>;

  [[nodiscard]] auto scheduler() -> Scheduler& { return *scheduler_; }

  /// How many members it takes for active, itself included.
  [[nodiscard]] auto known() const -> std::size_t { return pull_ ? pull_->stats().members : 1; }

  /// Abruptly: nothing of what it does reaches the storage or the directory any more. Nothing is given back.
  auto kill() -> void;
  [[nodiscard]] auto is_killed() const -> bool { return killed_; }

  [[nodiscard]] auto figures() const -> MemberFigures;

 private:
  explicit Member(std::string name) : name_{std::move(name)} {}

  std::string name_;
  std::shared_ptr<MonitoredStorage> storage_;
  std::shared_ptr<ShardedStorageClient> pull_;  // null when it is alone
  std::optional<Scheduler> scheduler_;
  bool killed_ = false;
};

/// Of a member's leases and pings. In virtual time every wake-up of an idle log costs.
struct MemberTimes {
  Duration lease{};  ///< of sessions and managers: what a killed member held is offered again then
  Duration ping_interval{};
};
[[nodiscard]] auto member_times(const RunOptions& options) -> MemberTimes;

/// Of the directory: two chances to ping.
[[nodiscard]] auto member_limits(const RunOptions& options) -> MemberLimits;

/// Whether there are, or may be, others on the storage.
[[nodiscard]] auto has_members(const RunOptions& options) -> bool;

/// Errors: `invalid_argument`, `invalid_name`.
[[nodiscard]] auto check_members(const RunOptions& options) -> Result<void>;

}  // namespace spider::cli
