#include "spider/sim/fault.hpp"

#include <algorithm>

namespace spider {
inline namespace v1 {
namespace sim {

namespace {

constexpr std::array<std::string_view, kFaultKinds> kFaultNames = {
    "poll_error",
    "poll_reply_lost",
    "poll_stall",
    "poll_duplicate",
    "poll_reorder",
    "poll_stale_session",
    "poll_empty",
    "poll_partial",
    "register_error",
    "register_twice",
    "ended_late",
    "ended_lost",
    "start_error",
    "start_reply_lost",
    "start_late",
    "start_duplicate",
    "finish_error",
    "finish_reply_lost",
    "finish_late",
    "finish_duplicate",
    "renew_lost",
    "renew_late",
    "submit_reply_lost",
    "submit_duplicate",
    "cancel_race",
    "pause_race",
    "retry_race",
    "storage_restart",
    "storage_pause",
    "session_superseded",
    "clock_jump_forward",
    "clock_jump_back",
    "clock_rate",
    "manager_dies_before_start",
    "manager_dies_after_start",
    "manager_dies_before_report",
    "manager_dies_all",
    "manager_pauses_past_lease",
    "manager_restarts_same_name",
    "manager_leaves",
    "heartbeat_lost",
    "heartbeat_late",
    "heartbeat_reordered",
    "next_reply_lost",
    "next_cancelled",
    "acknowledge_lost",
    "acknowledge_duplicate",
    "handler_fails",
    "handler_throws",
    "handler_slow",
    "handler_ignores_stop",
    "handler_defers",
    "channel_tiny",
    "bump_while_full",
    "enqueue_cancelled",
    "consumer_cancelled",
    "wakeup_lost",
    "core_restart",
    "policy_slow",
    "policy_throws",
    "worker_claim_crash",
    "worker_release_crash",
    "worker_ghost",
    "sweeper_false_suspicion",
    "deliver_fails",
    "member_joins",
    "member_leaves",
    "member_killed",
    "member_partitioned",
    "view_stale",
    "ping_lost",
};

}  // namespace

auto to_string(FaultKind kind) noexcept -> std::string_view {
  return kFaultNames[static_cast<std::size_t>(kind)];
}

auto fault_kind(std::string_view name) noexcept -> std::optional<FaultKind> {
  const auto found = std::ranges::find(kFaultNames, name);
  if (found == kFaultNames.end()) return std::nullopt;
  return static_cast<FaultKind>(found - kFaultNames.begin());
}

}  // namespace sim
}  // namespace v1
}  // namespace spider
