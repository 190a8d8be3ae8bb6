#include "sim/application.hpp"

#include <chrono>

namespace spider::inline v1::sim {

auto Application::run() -> Async<void> {
  for (std::size_t number = 0; number < context_.plan.submits.size(); ++number) {
    const auto at = TimePoint{context_.plan.submits[number].at};
    (void)co_await context_.base.sleep_until(at);
    context_.spawn(submit(number));
  }
  co_return success();
}

auto Application::submit(std::size_t number) -> Async<void> {
  const auto& event = context_.plan.submits[number];
  std::vector<JobSpec> jobs{event.job};
  jobs.front().unique_key = "key-" + std::to_string(number);
  while (!context_.stopping) {
    const auto answers = co_await jobs_.submit(jobs);
    if (answers) {
      ++answered_;
      look_at(event, answers.value().front());
      if (answers.value().front()) {
        monitor_.acknowledged(jobs.front().unique_key, answers.value().front().value().job);
      }
      break;
    }
    (void)co_await context_.sleep(std::chrono::milliseconds{150});
  }
  co_return success();
}

auto Application::look_at(const SubmitEvent& event, const Result<Submitted>& answer) -> void {
  if (event.refused && answer) {
    context_.complain("I14", "a broken job was accepted as job " + std::to_string(answer.value().job.value));
  }
  if (!event.refused && !answer) context_.complain("I14", "a job was refused: " + answer.error().message());
}

auto Application::cancel_any(std::uint64_t which) -> Async<void> {
  const auto& jobs = monitor_.jobs();
  if (!jobs.empty()) (void)co_await jobs_.cancel(jobs[which % jobs.size()]);
  co_return success();
}

auto Application::pause_any(std::uint64_t which, Duration how_long) -> Async<void> {
  const auto& jobs = monitor_.jobs();
  if (jobs.empty()) co_return success();
  const PauseTarget group{PauseTarget::Kind::resource_group, monitor_.group_of(jobs[which % jobs.size()])};
  SPIDER_CO_TRY(co_await jobs_.set_paused(group, true));
  (void)co_await context_.sleep(how_long);
  for (bool resumed = false; !resumed && !context_.stopping;) {
    const auto answer = co_await jobs_.set_paused(group, false);
    resumed = answer.has_value();
    if (!resumed) (void)co_await context_.sleep(std::chrono::milliseconds{150});
  }
  co_return success();
}

auto Application::retry_any(std::uint64_t which) -> Async<void> {
  const auto jobs = monitor_.jobs();
  for (std::size_t tried = 0; tried < jobs.size(); ++tried) {
    const auto retried = co_await jobs_.retry(jobs[(which + tried) % jobs.size()]);
    if (retried || retried.error() != Errc::job_not_running) break;
  }
  co_return success();
}

}  // namespace spider::inline v1::sim
