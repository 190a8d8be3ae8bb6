#include "spider/testing/scripted_storage.hpp"

#include "waiting.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <utility>

namespace spider::inline v1::testing {

namespace {

/// Counts a call for as long as its frame lives.
class Visit {
 public:
  explicit Visit(std::size_t& count) : count_{count} { ++count_; }
  Visit(const Visit&) = delete;
  auto operator=(const Visit&) -> Visit& = delete;
  ~Visit() { --count_; }

 private:
  std::size_t& count_;
};

}  // namespace

auto poll_of(TaskKind lane) -> StorageCall {
  switch (lane) {
    case TaskKind::commit: return StorageCall::poll_commit_ready;
    case TaskKind::cleanup: return StorageCall::poll_cleanup_ready;
    case TaskKind::regular: break;
  }
  return StorageCall::poll_ready;
}

ScriptedStorage::ScriptedStorage(Clock& clock)
    : clock_{clock}, line_{spider::detail::WaitingLine::make(clock)} {}

auto ScriptedStorage::wake() -> void { line_->notify_all(); }

auto ScriptedStorage::offer(const InboundEntry& entry) -> void {
  ready_[index(poll_of(entry.task.kind()))].push_back(entry);
  finalize(entry);
  wake();
}

auto ScriptedStorage::finalize(const InboundEntry& entry) -> void {
  if (entry.task.kind() == TaskKind::commit) states_[entry.job] = JobState::commit_ready;
  if (entry.task.kind() == TaskKind::cleanup) states_[entry.job] = JobState::cleanup_ready;
}

auto ScriptedStorage::deliver(TaskKind lane, InboundBatch batch) -> void {
  for (const auto& entry : batch.entries) finalize(entry);
  scripted_[index(poll_of(lane))].push_back(std::move(batch));
  wake();
}

auto ScriptedStorage::start(TaskRef task) -> bool { return leased_.erase(task) > 0; }

auto ScriptedStorage::end_job(JobId job) -> void {
  ended_.push_back(job);
  states_[job] = JobState::cancelled;
  for (auto& lane : ready_) std::erase_if(lane, [job](const auto& entry) { return entry.job == job; });
  std::erase_if(leased_, [job](const auto& held) { return held.first.job == job; });
  wake();
}

auto ScriptedStorage::report_gap() -> void {
  gap_ = true;
  wake();
}

auto ScriptedStorage::fail(StorageCall call, Error error, std::size_t times) -> void {
  troubles_[index(call)] = Trouble{.hangs = false, .failures = times, .error = std::move(error)};
  wake();
}

auto ScriptedStorage::lose(StorageCall poll, std::size_t times) -> void {
  troubles_[index(poll)].lost_answers = times;
}

auto ScriptedStorage::hang(StorageCall call) -> void { troubles_[index(call)].hangs = true; }

auto ScriptedStorage::heal(StorageCall call) -> void {
  troubles_[index(call)] = Trouble{};
  wake();
}

auto ScriptedStorage::new_session() -> SessionId {
  last_session_ = SessionId{last_session_.value + 1};
  session_ = last_session_;
  offer_leased_again();
  wake();
  return session_;
}

auto ScriptedStorage::lapse() -> SessionId {
  lapsed_.insert(session_);
  return new_session();
}

auto ScriptedStorage::supersede() -> SessionId {
  lapsed_.clear();
  return new_session();
}

auto ScriptedStorage::offer_leased_again() -> void {
  for (auto held = leased_.rbegin(); held != leased_.rend(); ++held) {
    auto entry = held->second;
    ++entry.deliveries;
    ready_[index(poll_of(entry.task.kind()))].push_front(entry);
  }
  leased_.clear();
}

auto ScriptedStorage::count(StorageCall call) const -> std::size_t {
  const auto same = [call](const Request& request) { return request.call == call; };
  return static_cast<std::size_t>(std::ranges::count_if(requests_, same));
}

auto ScriptedStorage::trouble(StorageCall call) -> Async<void> {
  while (troubles_[index(call)].hangs) {
    const auto ticket = line_->ticket();
    const auto woken = co_await line_->wait(ticket, kForever);
    if (!woken) co_return woken.error();
  }
  const auto stop = co_await cancelled();
  if (stop) co_return Errc::cancelled;
  auto& trouble = troubles_[index(call)];
  if (trouble.failures == 0) co_return success();
  --trouble.failures;
  auto failed = trouble.error;
  // As a real storage would, it suspends: who repeats without a pause still gives way to others.
  const auto executor = co_await asio::this_coro::executor;
  co_await asio::post(executor, asio::use_awaitable);
  co_return failed;
}

auto ScriptedStorage::register_scheduler(SchedulerInfo) -> Async<Registration> {
  const Visit visit{under_way_[index(StorageCall::register_scheduler)]};
  requests_.push_back({StorageCall::register_scheduler, clock_.now(), {}, {}});
  SPIDER_CO_TRY(co_await trouble(StorageCall::register_scheduler));
  Registration registration;
  registration.scheduler = SchedulerId{1};
  registration.session = supersede();
  registration.incarnation = ++incarnation_;
  co_return registration;
}

auto ScriptedStorage::unregister_scheduler(Registration registration) -> Async<void> {
  const Visit visit{under_way_[index(StorageCall::unregister_scheduler)]};
  requests_.push_back({StorageCall::unregister_scheduler, clock_.now(), {}, registration});
  SPIDER_CO_TRY(co_await trouble(StorageCall::unregister_scheduler));
  if (registration.session != session_) co_return Errc::stale_session;
  session_ = SessionId{};
  offer_leased_again();
  wake();
  co_return success();
}

auto ScriptedStorage::poll_ready(PollRequest request) -> Async<InboundBatch> {
  return poll(StorageCall::poll_ready, std::move(request));
}
auto ScriptedStorage::poll_commit_ready(PollRequest request) -> Async<InboundBatch> {
  return poll(StorageCall::poll_commit_ready, std::move(request));
}
auto ScriptedStorage::poll_cleanup_ready(PollRequest request) -> Async<InboundBatch> {
  return poll(StorageCall::poll_cleanup_ready, std::move(request));
}

auto ScriptedStorage::poll(StorageCall call, PollRequest request) -> Async<InboundBatch> {
  const Visit visit{under_way_[index(call)]};
  requests_.push_back({call, clock_.now(), request, {}});
  const auto deadline = saturating_add(clock_.now(), request.wait);
  while (true) {
    const auto ticket = line_->ticket();
    SPIDER_CO_TRY(co_await trouble(call));
    auto answered = answer(call, request);
    if (answered) co_return *std::move(answered);
    const auto woken = co_await line_->wait(ticket, deadline);
    if (woken) continue;
    if (woken.error() != Errc::timed_out) co_return woken.error();
    if (troubles_[index(call)].hangs) continue;
    InboundBatch empty;
    empty.session = session_;
    co_return empty;
  }
}

auto ScriptedStorage::answer(StorageCall call, const PollRequest& request)
    -> std::optional<Result<InboundBatch>> {
  auto& scripted = scripted_[index(call)];
  if (!scripted.empty()) {
    auto batch = std::move(scripted.front());
    scripted.pop_front();
    return batch;
  }
  if (request.scheduler != SchedulerId{1}) return Errc::unknown_scheduler;
  if (request.max_items == 0 || request.queues.empty()) return Errc::invalid_argument;
  const auto lapsed = lapsed_.contains(request.session);
  if (request.session != session_ && !lapsed) return Errc::stale_session;
  auto batch = lease(call, request);
  if (batch.entries.empty() && !lapsed) return std::nullopt;
  auto& lost = troubles_[index(call)].lost_answers;
  if (lost > 0) return --lost, Errc::storage_unavailable;
  return batch;
}

// Round-robin over resource groups, first come first served inside a group.
auto ScriptedStorage::lease(StorageCall call, const PollRequest& request) -> InboundBatch {
  InboundBatch batch;
  batch.session = session_;
  std::map<ResourceGroupId, std::deque<InboundEntry>> groups;
  for (const auto& entry : ready_[index(call)]) groups[entry.group].push_back(entry);
  std::map<JobId, std::size_t> of_job;
  std::deque<InboundEntry> kept;
  for (std::size_t round = 0; !groups.empty(); ++round) {
    for (auto& [group, entries] : groups) {
      const auto entry = entries.front();
      entries.pop_front();
      if (batch.entries.size() == request.max_items || round >= request.per_group_max ||
          of_job[entry.job] == request.per_job_max) {
        kept.push_back(entry);
        continue;
      }
      ++of_job[entry.job];
      leased_[entry.ref()] = entry;
      batch.entries.push_back(entry);
    }
    std::erase_if(groups, [](const auto& group) { return group.second.empty(); });
  }
  ready_[index(call)].swap(kept);
  return batch;
}

auto ScriptedStorage::answer_ended(EndedCursor cursor) -> std::optional<EndedBatch> {
  const auto seen = cursor.position - 1;
  if (seen == ended_.size() && !gap_) return std::nullopt;
  EndedBatch batch;
  batch.cursor = EndedCursor{ended_.size() + 1};
  batch.jobs.assign(ended_.begin() + static_cast<std::ptrdiff_t>(seen), ended_.end());
  batch.gap = std::exchange(gap_, false);
  return batch;
}

// Positions are one higher than the number of jobs seen, because 0 stands for the present.
auto ScriptedStorage::poll_ended(EndedCursor cursor, Duration wait) -> Async<EndedBatch> {
  const Visit visit{under_way_[index(StorageCall::poll_ended)]};
  requests_.push_back({StorageCall::poll_ended, clock_.now(), {}, {}});
  if (cursor.position == 0) cursor.position = ended_.size() + 1;
  const auto deadline = saturating_add(clock_.now(), wait);
  while (true) {
    const auto ticket = line_->ticket();
    SPIDER_CO_TRY(co_await trouble(StorageCall::poll_ended));
    auto answered = answer_ended(cursor);
    if (answered) co_return *std::move(answered);
    const auto woken = co_await line_->wait(ticket, deadline);
    if (woken) continue;
    if (woken.error() != Errc::timed_out) co_return woken.error();
    if (troubles_[index(StorageCall::poll_ended)].hangs) continue;
    EndedBatch empty;
    empty.cursor = cursor;
    co_return empty;
  }
}

auto ScriptedStorage::job_state(JobId job) -> Async<JobState> {
  requests_.push_back({StorageCall::job_state, clock_.now(), {}, {}});
  SPIDER_CO_TRY(co_await trouble(StorageCall::job_state));
  const auto found = states_.find(job);
  co_return found == states_.end() ? JobState::running : found->second;
}

}  // namespace spider::inline v1::testing
