#pragma once

/// One run of PolicyCore, from registration to the end.

#include "policy_core/core_buffer.hpp"
#include "spider/policy_core.hpp"
#include "spider/rng.hpp"
#include "spider/scheduler_core.hpp"
#include "waiting.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/cancellation_state.hpp>

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <span>
#include <unordered_map>

namespace spider::inline v1::detail {

/// Everything that lives from registration to the end. All of it on one strand;
/// the children are coroutines that hold `this`, and `drive` joins them before it returns.
class CoreRun {
 public:
  /// What the run needs of its core.
  struct Hooks {
    std::function<void(std::uint64_t dispatched)> publish;  ///< the gauges have changed
    std::function<Result<void>()> take_feedback;            ///< into the buffer's policy
  };

  CoreRun(CoreContext& context, const PolicyCoreOptions& options, CoreBuffer& buffer, Hooks hooks)
      : context_{context},
        options_{options},
        buffer_{buffer},
        hooks_{std::move(hooks)},
        main_{WaitingLine::make(context.clock)},
        lanes_{WaitingLine::make(context.clock)},
        slots_{WaitingLine::make(context.clock)},
        drops_{WaitingLine::make(context.clock)},
        rng_{options.seed} {}

  /// Runs until cancelled or ended; returns why.
  auto drive() -> Async<void>;

 private:
  // Children: each loops until the run stops.
  auto poll_lane(TaskKind kind) -> Async<void>;
  auto poll_ended() -> Async<void>;
  auto watch_slots() -> Async<void>;
  auto watch_handed_back() -> Async<void>;
  auto watch_dropped() -> Async<void>;

  auto supervise() -> Async<void>;
  auto register_anew() -> Async<void>;
  auto rest(Error error, EventKind kind, std::uint32_t failures) -> Async<void>;
  auto poll(TaskKind kind) -> Async<InboundBatch>;
  auto finish() -> Async<void>;
  auto join(TimePoint deadline) -> Async<void>;

  // Plain steps.
  auto spawn(const asio::any_io_executor& executor, Async<void> child) -> void;
  auto cancel_children() -> void;
  [[nodiscard]] auto request_for(TaskKind kind) const -> PollRequest;
  [[nodiscard]] auto wants_poll(TaskKind kind) const -> bool;
  auto lane_failed(const Error& error, const Registration& polled_under, std::uint32_t failures) -> void;
  auto ingest(const InboundBatch& batch) -> void;
  auto ingest_entries(std::span<const InboundEntry> entries) -> void;
  auto ingest_entry(const InboundEntry& entry, TimePoint now) -> void;
  auto ingest_handed_back(const TaskAssignment& assignment) -> void;
  auto ingest_ended(const EndedBatch& batch) -> void;
  auto adopt(SessionId session) -> bool;
  auto lose_registration() -> void;
  auto recover_later() -> void;
  enum class Dropped : std::uint8_t { regular, all };
  auto dropped(JobId job, Dropped what) -> void;
  auto block() -> void;
  auto pump() -> void;
  auto decide() -> void;
  auto dispatch(const InboundEntry& entry, TimePoint now) -> bool;
  auto end(Error why) -> void;
  [[nodiscard]] auto policy_wakes_at() -> TimePoint;
  [[nodiscard]] auto stamp(const InboundEntry& entry) -> TaskAssignment;
  /// False from the very call that requests the cancellation.
  [[nodiscard]] auto running() const -> bool {
    return !stopping_ && !why_ && stop_.cancelled() == asio::cancellation_type::none;
  }

  CoreContext& context_;
  const PolicyCoreOptions& options_;
  CoreBuffer& buffer_;
  Hooks hooks_;
  std::shared_ptr<WaitingLine> main_;   // the supervisor: an end, a registration, a decision, children
  std::shared_ptr<WaitingLine> lanes_;  // pollers: budget, or a registration
  std::shared_ptr<WaitingLine> slots_;  // the slot watcher: the sink is full
  std::shared_ptr<WaitingLine> drops_;  // who looks at jobs of which something was dropped
  Rng rng_;
  std::list<asio::cancellation_signal> signals_;
  asio::cancellation_state stop_;
  std::size_t children_ = 0;
  std::optional<Error> why_;  // the reason to end, once there is one
  bool stopping_ = false;
  bool registered_ = false;
  bool blocked_ = false;    // no free slot in the sink when last looked
  bool undecided_ = false;  // a new session's batch is in, the decision waits for its other batches
  std::optional<TimePoint> nothing_at_;  // when the policy last answered nothing
  TimePoint recover_at_ = kForever;      // an answer since the registration may have been lost
  std::unordered_map<JobId, Dropped> dropped_;
  Registration registration_;
  SessionId session_;
  std::uint64_t next_assignment_ = 0;
  std::uint64_t dispatched_ = 0;
};

}  // namespace spider::inline v1::detail
