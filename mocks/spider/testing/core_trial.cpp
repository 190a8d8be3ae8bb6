#include "spider/testing/core_trial.hpp"

#include "waiting.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <exception>
#include <utility>

namespace spider::inline v1::testing {

namespace {

/// A core that is still busy after so many handlers at one instant never comes to rest.
constexpr std::size_t kHandlersMax = 200'000;

auto sleep_then_mark(Clock& clock, TimePoint until, std::shared_ptr<bool> done) -> Async<void> {
  static_cast<void>(co_await clock.sleep_until(until));
  *done = true;
  co_return success();
}

auto entry_of(std::uint64_t job, TaskId task, std::uint64_t group) -> InboundEntry {
  InboundEntry entry;
  entry.job = JobId{job};
  entry.group = ResourceGroupId{group};
  entry.task = task;
  return entry;
}

}  // namespace

auto ready_entry(std::uint64_t job, std::uint32_t index, std::uint64_t group) -> InboundEntry {
  return entry_of(job, TaskId{index}, group);
}
auto commit_entry(std::uint64_t job, std::uint64_t group) -> InboundEntry {
  return entry_of(job, TaskId::commit(), group);
}
auto cleanup_entry(std::uint64_t job, std::uint64_t group) -> InboundEntry {
  return entry_of(job, TaskId::cleanup(), group);
}

ScriptedHandedBack::ScriptedHandedBack(Clock& clock) : line_{spider::detail::WaitingLine::make(clock)} {}

auto ScriptedHandedBack::give(const TaskAssignment& assignment) -> void {
  given_.push_back(assignment);
  line_->notify_all();
}

auto ScriptedHandedBack::wait() -> Async<void> {
  while (true) {
    const auto ticket = line_->ticket();
    if (!given_.empty()) co_return success();
    SPIDER_CO_TRY(co_await line_->wait(ticket, kForever));
  }
}

auto ScriptedHandedBack::take(std::size_t max) -> std::vector<TaskAssignment> {
  const auto count = static_cast<std::ptrdiff_t>(std::min(max, given_.size()));
  std::vector<TaskAssignment> taken{given_.begin(), given_.begin() + count};
  given_.erase(given_.begin(), given_.begin() + count);
  return taken;
}

auto EventLog::observe(const Event& event) noexcept -> void {
  events_.push_back(event);
  events_.back().error = nullptr;
}

auto EventLog::count(EventKind kind) const -> std::size_t {
  const auto same = [kind](const Event& event) { return event.kind == kind; };
  return static_cast<std::size_t>(std::ranges::count_if(events_, same));
}

auto EventLog::durations(EventKind kind) const -> std::vector<Duration> {
  std::vector<Duration> durations;
  for (const auto& event : events_) {
    if (event.kind == kind) durations.push_back(event.duration);
  }
  return durations;
}

CoreTrial::CoreTrial(std::unique_ptr<SchedulerCore> core, std::size_t capacity)
    : io_{std::make_unique<asio::io_context>()},
      clock_{std::make_unique<VirtualClock>(*io_)},
      storage_{std::make_unique<ScriptedStorage>(*clock_)},
      sink_{std::make_unique<ScriptedSink>(*clock_, capacity)},
      handed_back_{std::make_unique<ScriptedHandedBack>(*clock_)},
      core_{std::move(core)},
      context_{std::make_unique<CoreContext>(CoreContext{*storage_, *sink_, *handed_back_, *clock_, log_})} {}

// A core that does not stop is destroyed with its context, before anything that its frames refer to.
CoreTrial::~CoreTrial() {
  cancel();
  io_.reset();
}

auto CoreTrial::launch() -> void {
  asio::co_spawn(*io_, rooted(core_->run(*context_)),
                 asio::bind_cancellation_slot(
                     signal_.slot(), [ended = ended_](std::exception_ptr thrown, Result<void> result) {
                       if (thrown) {
                         ended->emplace(Errc::internal, "an exception left run");
                       } else {
                         ended->emplace(result ? Error{} : result.error());
                       }
                     }));
}

auto CoreTrial::start() -> void {
  launch();
  settle();
}

auto CoreTrial::cancel(std::function<void()> just_before) -> void {
  if (*ended_) return;
  asio::post(*io_, [this, just_before = std::move(just_before)] {
    if (just_before) just_before();
    signal_.emit(asio::cancellation_type::terminal);
    accepted_before_cancel_ = sink_->accepted().size();
  });
  settle();
}

auto CoreTrial::enqueued_after_cancel() const -> std::size_t {
  return sink_->accepted().size() - accepted_before_cancel_;
}

auto CoreTrial::step() -> bool {
  io_->restart();
  return io_->poll_one() > 0;
}

auto CoreTrial::settle() -> bool {
  if (restless_) return false;
  for (std::size_t handled = 0; handled < kHandlersMax; ++handled) {
    if (!step()) return true;
  }
  restless_ = true;
  expect(false, "comes to rest when there is nothing to do");
  return false;
}

auto CoreTrial::advance(Duration duration) -> void {
  auto done = std::make_shared<bool>(false);
  asio::co_spawn(*io_, sleep_then_mark(*clock_, saturating_add(clock_->now(), duration), done),
                 [](std::exception_ptr, Result<void>) {});
  while (settle() && !*done) clock_->step();
}

auto CoreTrial::taken() -> std::vector<TaskRef> {
  std::vector<TaskRef> tasks;
  for (const auto& assignment : sink_->take()) {
    storage_->start(assignment.ref());
    tasks.push_back(assignment.ref());
  }
  return tasks;
}

auto CoreTrial::drain() -> std::vector<TaskRef> {
  constexpr std::chrono::seconds kPatience{2};
  std::vector<TaskRef> tasks;
  for (advance(kPatience); !restless_; advance(kPatience)) {
    const auto some = sink_->take(1);
    if (some.empty()) break;
    storage_->start(some.front().ref());
    tasks.push_back(some.front().ref());
  }
  return tasks;
}

auto CoreTrial::expect(bool kept, std::string promise) -> void {
  if (!kept) broken_.push_back(std::move(promise));
}

}  // namespace spider::inline v1::testing
