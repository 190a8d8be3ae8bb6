#include "sim/sim_context.hpp"

namespace spider::inline v1::sim {

SimContext::SimContext(const SimCase& what, bool keep_log)
    : plan{what},
      storage_clock{base, mix64(what.seed)},
      scheduler_clock{base, mix64(what.seed + 1)},
      fleet_clock{base, mix64(what.seed + 2)},
      log{keep_log},
      faults_{what} {}

auto SimContext::fires(FaultKind kind) -> std::optional<Draw> {
  const auto draw = faults_.fires(kind);
  if (draw) note(Note::fault, static_cast<std::uint64_t>(kind), faults_.faults().back().opportunity);
  return draw;
}

auto SimContext::complain(std::string rule, std::string what) -> void {
  note(Note::violation, violations_.size() + 1);
  if (violations_.size() >= kViolationsMax) return;
  violations_.push_back({std::move(rule), std::move(what), base.now().time_since_epoch()});
}

auto SimContext::reach_storage() -> Async<void> {
  const auto lot = draw(1, ++calls_);
  if (plan.latency_max > Duration::zero() && lot.below(4) == 0) {
    const auto slept = co_await sleep(lot.between(Duration{1}, plan.latency_max));
    if (!slept) co_return slept.error();
  }
  if (base.now() >= storage_away_until) co_return success();
  if (storage_down) co_return Error{Errc::storage_unavailable, "the storage restarts"};
  co_return co_await base.sleep_until(storage_away_until);
}

auto SimContext::spawn(Async<void> work) -> void {
  ++running;
  asio::co_spawn(io, rooted(std::move(work)), [this](const std::exception_ptr& thrown, const Result<void>&) {
    --running;
    if (thrown) complain("D14", "an exception left a coroutine");
  });
}

auto to_text(TaskRef task) -> std::string {
  return "job " + std::to_string(task.job.value) + " task " + to_string(task.task);
}

}  // namespace spider::inline v1::sim
