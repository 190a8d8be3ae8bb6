#include "spider/testing/app.hpp"

#include "spider/storage/memory.hpp"
#include "spider/testing/forwarding_storage.hpp"

#include <algorithm>

namespace spider {
inline namespace v1 {
namespace testing {

class App::Recorder final : public ForwardingStorage {
 public:
  using ForwardingStorage::ForwardingStorage;

  auto submit(std::span<const JobSpec> jobs) -> Async<std::vector<Result<Submitted>>> override {
    auto answers = co_await behind().submit(jobs);
    if (!answers) co_return answers;
    for (std::size_t k = 0; k < jobs.size(); ++k) {
      const auto& answer = answers.value()[k];
      if (answer && !answer.value().existing) submitted.push_back({answer.value().job, jobs[k]});
    }
    co_return answers;
  }

  std::vector<SubmittedJob> submitted;
};

App::App(Handlers handlers)
    : App{[&handlers](SchedulerOptions& options) { options.handlers = std::move(handlers); }} {}

App::App(const std::function<void(SchedulerOptions&)>& configure)
    : clock_{std::make_shared<VirtualClock>(context_)} {
  SchedulerOptions options;
  options.clock = clock_;
  options.manager.threads = 0;
  configure(options);
  options.clock = clock_;
  if (!options.storage) options.storage = make_memory_storage({}, *clock_).value();
  recorder_ = std::make_shared<Recorder>(std::move(options.storage));
  options.storage = recorder_;
  scheduler_ = std::make_unique<Scheduler>(context_.get_executor(), std::move(options));
}

App::~App() = default;

auto App::submitted() const noexcept -> const std::vector<SubmittedJob>& { return recorder_->submitted; }

auto App::drain(Duration at_most) -> AppCounts {
  const auto until = saturating_add(clock_->now(), at_most);
  AppCounts counts;
  // By position: a handler that submits makes the list longer.
  for (std::size_t k = 0; k < recorder_->submitted.size(); ++k) {
    const auto job = recorder_->submitted[k].id;
    const auto left = std::max(until - clock_->now(), Duration::zero());
    const auto end = run(recorder_->wait(job, left));
    if (!end) {
      ++counts.unfinished;
    } else if (end.value() == JobState::succeeded) {
      ++counts.succeeded;
    } else {
      ++(end.value() == JobState::failed ? counts.failed : counts.cancelled);
    }
  }
  clock_->drain();
  return counts;
}

auto operator<<(std::ostream& out, const AppCounts& counts) -> std::ostream& {
  return out << counts.succeeded << " succeeded, " << counts.failed << " failed, " << counts.cancelled
             << " cancelled, " << counts.unfinished << " unfinished";
}

auto operator<<(std::ostream& out, const SubmittedJob& job) -> std::ostream& {
  out << "job " << job.id.value << " of " << job.spec.resource_group << ':';
  const auto* separator = " ";
  for (const auto& task : job.spec.tasks) {
    out << separator;
    if (task.count > 1) out << task.count << " x ";
    out << task.handler;
    separator = ", ";
  }
  return out;
}

auto operator<<(std::ostream& out, const App& app) -> std::ostream& {
  return out << "an App that submitted " << ::testing::PrintToString(app.submitted());
}

auto detail::has_task(const JobSpec& job, std::string_view handler, const std::optional<Bytes>& input)
    -> bool {
  return std::ranges::any_of(job.tasks, [&](const TaskSpec& task) {
    return task.handler == handler && (!input || task.input == *input);
  });
}

}  // namespace testing
}  // namespace v1
}  // namespace spider
