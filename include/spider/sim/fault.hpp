#pragma once

/// Everything that the simulator can do to a scheduler, by name. A fault happens at an *opportunity*: the
/// place in the simulated world where it could happen, counted per kind from 0. A fault is thus named by
/// its kind and the number of its opportunity, and can be repeated one by one (case.hpp).
///
/// Plain values and pure functions; callable from any thread.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace spider {
inline namespace v1 {
namespace sim {

enum class FaultKind : std::uint8_t {
  // What the core gets from its storage.
  poll_error,          ///< a poll fails, nothing is leased
  poll_reply_lost,     ///< entries are leased, and nobody knows
  poll_stall,          ///< its answer comes late, perhaps after the session's lease
  poll_duplicate,      ///< entries come twice, in one answer or in a later one
  poll_reorder,        ///< entries come in another order
  poll_stale_session,  ///< a batch of a superseded session comes once more
  poll_empty,          ///< nothing comes, and too soon
  poll_partial,        ///< one entry comes although there are more
  register_error,      ///< a registration fails, before or after the storage has drawn a session
  register_twice,      ///< a registration arrives twice; either answer comes back
  ended_late,          ///< the news of ended jobs comes late
  ended_lost,          ///< and here never
  // What execution managers get from the storage.
  start_error,
  start_reply_lost,  ///< started, and nobody knows
  start_late,
  start_duplicate,  ///< arrives twice; both answers must agree
  finish_error,
  finish_reply_lost,
  finish_late,
  finish_duplicate,
  renew_lost,
  renew_late,
  // What applications get from it, and do to it.
  submit_reply_lost,
  submit_duplicate,
  cancel_race,  ///< a job is cancelled, whatever it is doing
  pause_race,   ///< a resource group pauses for a while
  retry_race,   ///< a failed job gets another chance, however lately it failed
  // The storage as a whole, and the clocks.
  storage_restart,     ///< fails every call for a while, and supersedes all sessions
  storage_pause,       ///< answers nobody for a while
  session_superseded,  ///< somebody registers under the member's name
  clock_jump_forward,
  clock_jump_back,  ///< as programs see it: their clock stands still (Clock never goes back)
  clock_rate,       ///< a clock runs at 0.5 to 2 times its rate
  // Execution managers.
  manager_dies_before_start,
  manager_dies_after_start,
  manager_dies_before_report,
  manager_dies_all,
  manager_pauses_past_lease,
  manager_restarts_same_name,
  manager_leaves,
  // What they get from the dispatch service.
  heartbeat_lost,
  heartbeat_late,
  heartbeat_reordered,  ///< arrives after a later one, or after its manager is gone
  next_reply_lost,
  next_cancelled,
  acknowledge_lost,
  acknowledge_duplicate,
  // Handlers.
  handler_fails,
  handler_throws,
  handler_slow,
  handler_ignores_stop,  ///< reports although it was told that its task is lost
  handler_defers,
  // The dispatch channel, the core and its policy.
  channel_tiny,
  bump_while_full,
  enqueue_cancelled,
  consumer_cancelled,
  wakeup_lost,  ///< a poll sleeps through the arrivals
  core_restart,
  policy_slow,
  policy_throws,
  // The pool of idle workers.
  worker_claim_crash,       ///< a claim is cut short: nobody learns of it
  worker_release_crash,     ///< a release, a sweep or an add is cut short
  worker_ghost,             ///< a worker goes without a word, perhaps while it is claimed
  sweeper_false_suspicion,  ///< a sweeper whose clock is ahead takes workers from the living
  deliver_fails,            ///< what a worker was claimed for does not get through to it
  // Several members on one storage.
  member_joins,
  member_leaves,       ///< in order
  member_killed,       ///< with its managers; comes back after a while, perhaps under the same name
  member_partitioned,  ///< reaches neither storage nor directory for a while, nor do its managers
  view_stale,          ///< a member reads who was active some readings ago
  ping_lost,           ///< on its way, or its answer
};
inline constexpr std::size_t kFaultKinds = static_cast<std::size_t>(FaultKind::ping_lost) + 1;

/// The name, as written above.
[[nodiscard]] auto to_string(FaultKind kind) noexcept -> std::string_view;
/// None when there is no such kind.
[[nodiscard]] auto fault_kind(std::string_view name) noexcept -> std::optional<FaultKind>;

using FaultCounts = std::array<std::uint64_t, kFaultKinds>;  ///< by FaultKind
using FaultRates = std::array<double, kFaultKinds>;          ///< probability per opportunity, by FaultKind

}  // namespace sim
}  // namespace v1
}  // namespace spider
