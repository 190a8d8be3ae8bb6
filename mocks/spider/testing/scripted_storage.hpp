#pragma once

/// A StorageClient that a test writes the script of: lanes fed by hand, long polls by the clock,
/// failures, hangs and superseded sessions on demand, every request on record. For tests of cores and
/// of storage decorators; for everything else the memory storage is the better partner.
///
/// One thread: all calls on the context that the core runs on, or while that does not run.

#include "spider/clock.hpp"
#include "spider/storage_client.hpp"

#include <array>
#include <cstddef>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <vector>

namespace spider {
inline namespace v1 {

namespace detail {
class WaitingLine;
}  // namespace detail

namespace testing {

enum class StorageCall : std::uint8_t {
  poll_ready,
  poll_commit_ready,
  poll_cleanup_ready,
  poll_ended,
  register_scheduler,
  unregister_scheduler,
  job_state,
};
inline constexpr std::size_t kStorageCalls = 7;

/// The poll of this lane.
[[nodiscard]] auto poll_of(TaskKind lane) -> StorageCall;

class ScriptedStorage final : public StorageClient {
 public:
  /// Every registration is scheduler 1; the first one's session is 10. The clock outlives the storage.
  explicit ScriptedStorage(Clock& clock);

  // --- The script -------------------------------------------------------------------------------

  /// The entry is ready, at the end of the lane of its kind.
  auto offer(const InboundEntry& entry) -> void;
  /// The next poll of the lane, one under way included, answers exactly this, whatever its session.
  auto deliver(TaskKind lane, InboundBatch batch) -> void;
  /// An execution manager has started the task: it is leased no more. False when it was not.
  auto start(TaskRef task) -> bool;
  /// What is leased was taken over by somebody else: it will not be offered again.
  auto forget_leases() -> void { leased_.clear(); }
  auto end_job(JobId job) -> void;
  /// The job gets another chance, of which `poll_ended` says nothing.
  auto retry(JobId job) -> void { states_[job] = JobState::running; }
  /// The next answer of `poll_ended` says that older entries were dropped.
  auto report_gap() -> void;

  /// The next `times` calls of this kind fail, in place of doing anything; one under way included.
  auto fail(StorageCall call, Error error, std::size_t times = SIZE_MAX) -> void;
  /// The next `times` answers of this poll that lease something are lost: their callers get
  /// `storage_unavailable`.
  auto lose(StorageCall poll, std::size_t times) -> void;
  /// Calls of this kind answer nothing but their cancellation, until `heal`.
  auto hang(StorageCall call) -> void;
  auto heal(StorageCall call) -> void;

  /// The session's lease has lapsed: what it held is offered again, polls under way and later ones
  /// answer under the new session, which is returned.
  auto lapse() -> SessionId;
  /// The same member has registered elsewhere: polls of the old session fail with `stale_session`.
  auto supersede() -> SessionId;

  // --- The record -------------------------------------------------------------------------------

  struct Request {
    StorageCall call{};
    TimePoint at{};
    PollRequest poll;           ///< of the three lanes
    Registration registration;  ///< of unregister_scheduler
  };
  [[nodiscard]] auto requests() const -> const std::vector<Request>& { return requests_; }
  [[nodiscard]] auto count(StorageCall call) const -> std::size_t;
  [[nodiscard]] auto under_way(StorageCall call) const -> std::size_t { return under_way_[index(call)]; }
  [[nodiscard]] auto leased() const -> std::size_t { return leased_.size(); }
  [[nodiscard]] auto offered(TaskKind lane) const -> std::size_t {
    return ready_[index(poll_of(lane))].size();
  }
  /// The live session; 0 when nobody is registered.
  [[nodiscard]] auto session() const -> SessionId { return session_; }

  // --- StorageClient ----------------------------------------------------------------------------

  [[nodiscard]] auto register_scheduler(SchedulerInfo info) -> Async<Registration> override;
  [[nodiscard]] auto unregister_scheduler(Registration registration) -> Async<void> override;
  [[nodiscard]] auto poll_ready(PollRequest request) -> Async<InboundBatch> override;
  [[nodiscard]] auto poll_commit_ready(PollRequest request) -> Async<InboundBatch> override;
  [[nodiscard]] auto poll_cleanup_ready(PollRequest request) -> Async<InboundBatch> override;
  [[nodiscard]] auto poll_ended(EndedCursor cursor, Duration wait) -> Async<EndedBatch> override;
  /// `running` until a commit or a cleanup task was offered; `cancelled` once the job was ended.
  [[nodiscard]] auto job_state(JobId job) -> Async<JobState> override;

 private:
  struct Trouble {
    bool hangs = false;
    std::size_t failures = 0;
    std::size_t lost_answers = 0;
    Error error;
  };
  static constexpr auto index(StorageCall call) -> std::size_t { return static_cast<std::size_t>(call); }

  auto poll(StorageCall call, PollRequest request) -> Async<InboundBatch>;
  /// Waits while the call hangs; then fails it if it is to fail.
  auto trouble(StorageCall call) -> Async<void>;
  auto answer(StorageCall call, const PollRequest& request) -> std::optional<Result<InboundBatch>>;
  auto lease(StorageCall call, const PollRequest& request) -> InboundBatch;
  auto answer_ended(EndedCursor cursor) -> std::optional<EndedBatch>;
  auto new_session() -> SessionId;
  auto offer_leased_again() -> void;
  auto finalize(const InboundEntry& entry) -> void;
  auto wake() -> void;

  Clock& clock_;
  std::shared_ptr<spider::detail::WaitingLine> line_;
  std::array<Trouble, kStorageCalls> troubles_;
  std::array<std::size_t, kStorageCalls> under_way_{};
  std::vector<Request> requests_;
  std::array<std::deque<InboundEntry>, kTaskKinds> ready_;
  std::array<std::deque<InboundBatch>, kTaskKinds> scripted_;
  std::map<TaskRef, InboundEntry> leased_;
  std::vector<JobId> ended_;
  std::map<JobId, JobState> states_;
  bool gap_ = false;
  std::uint64_t incarnation_ = 0;
  SessionId session_;
  SessionId last_session_{9};
  std::set<SessionId> lapsed_;  // sessions whose polls are answered under the live one
};

}  // namespace testing
}  // namespace v1
}  // namespace spider
