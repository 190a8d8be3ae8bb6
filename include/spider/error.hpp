#pragma once

/// Errors as values: `Errc` names every reason, `Error` adds the human-readable detail, and
/// `Result<T>` carries either a value or an `Error`.
///
/// Everything in Spider that can fail returns a `Result`. No exception crosses an interface of
/// Spider; broken preconditions assert. All types here are plain values: safe to copy and to move
/// between threads.

#include <boost/outcome/result.hpp>
#include <boost/outcome/success_failure.hpp>
#include <boost/outcome/try.hpp>

#include <cstdint>
#include <iosfwd>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>

namespace spider {
inline namespace v1 {

/// Why something did not happen. Each value has exactly one meaning.
enum class Errc {
  // Control flow. None of these says that anything is broken.
  cancelled = 1,  ///< the operation's cancellation was requested; nothing was taken or changed
  timed_out,      ///< the stated time passed first
  would_block,    ///< a `try_` function could not act without suspending
  closed,         ///< the object was stopped or closed; it takes no further work

  // The dispatch queue.
  dispatch_queue_closed,  ///< closed, and (for a dequeue) drained
  stale_session,          ///< decided, polled or started under a superseded session
  invalid_session,        ///< a bump that does not go forward, or session 0

  // Arguments and configuration.
  invalid_argument,  ///< a value outside its documented range
  invalid_name,      ///< a name outside `[a-zA-Z0-9_.:/-]{1,128}`
  invalid_time,      ///< a negative, non-finite or overflowing time
  limit_exceeded,    ///< larger than a stated limit
  unknown_policy,    ///< a policy specification that names nothing known
  unknown_handler,   ///< no handler is registered under this name
  duplicate_name,    ///< a name, id or key that must be unique occurs twice

  // Job graphs.
  cyclic_graph,    ///< the tasks' dependencies form a cycle
  unknown_parent,  ///< a task depends on one that the job does not have
  empty_graph,     ///< a job without tasks and without a commit task

  // The life cycle in storage.
  unknown_job,          ///< no such job
  unknown_task,         ///< the job has no such task
  unknown_scheduler,    ///< the scheduler id was never registered here
  unknown_member,       ///< the member left, was replaced, or was collected
  task_not_runnable,    ///< the task's state does not admit a start
  job_not_running,      ///< the job's state does not admit a start, a cancel or a retry
  instance_limit,       ///< as many instances of this task run as may
  stale_instance,       ///< the task instance is no longer the running one: its write was refused
  storage_unavailable,  ///< the storage could not be reached or could not answer; may be retried

  // Dispatch service and execution managers.
  unknown_manager,     ///< no such execution manager on record
  unknown_assignment,  ///< no such assignment on this manager's record
  handler_failed,      ///< a handler returned an error or threw
  deadline_exceeded,   ///< a handler ran past its deadline

  // How jobs and cores end.
  job_failed,     ///< the job ended as Failed
  job_cancelled,  ///< the job ended as Cancelled
  policy_failed,  ///< a policy threw, or returned an entry that it was not given

  // Input and payloads.
  parse_error,    ///< input that does not follow its format; the detail names the position
  io_error,       ///< a file could not be opened, read or written
  payload_error,  ///< bytes that do not decode as the requested type

  internal,  ///< a defect in Spider or in an adapter; please report it
};

/// The category of `Errc`; its name is "spider".
[[nodiscard]] auto error_category() noexcept -> const std::error_category&;
[[nodiscard]] auto make_error_code(Errc code) noexcept -> std::error_code;

/// A reason and, where there is more to say, a sentence that names the culprit.
/// Compares equal to an `Errc` when its code is that `Errc`.
struct Error {
  std::error_code code;
  std::string detail;

  Error() noexcept = default;
  Error(Errc errc) : code{make_error_code(errc)} {}  // NOLINT(google-explicit-constructor)
  Error(Errc errc, std::string text) : code{make_error_code(errc)}, detail{std::move(text)} {}
  Error(std::error_code error_code, std::string text = {})  // NOLINT(google-explicit-constructor)
      : code{error_code}, detail{std::move(text)} {}

  /// "<message of the code>" or "<message of the code>: <detail>".
  [[nodiscard]] auto message() const -> std::string;

  friend auto operator==(const Error& left, const Error& right) noexcept -> bool {
    return left.code == right.code && left.detail == right.detail;
  }
  friend auto operator==(const Error& left, Errc right) noexcept -> bool {
    return left.code == make_error_code(right);
  }
};

auto operator<<(std::ostream& out, const Error& error) -> std::ostream&;

/// What Boost.Outcome looks up to treat `Error` as an error code with a payload.
[[nodiscard]] inline auto make_error_code(const Error& error) noexcept -> std::error_code {
  return error.code;
}
/// `Result::value()` on an error ends here: throws `std::system_error` with the error's message.
[[noreturn]] void outcome_throw_as_system_error_with_payload(Error error);

/// A value or an `Error`. Boost.Outcome's `result` with a default constructor (which holds
/// `Errc::internal`), because `co_spawn` with `use_future` or a callback must be able to make one.
template <class T>
class [[nodiscard]] Result : public boost::outcome_v2::result<T, Error> {
  using Base = boost::outcome_v2::result<T, Error>;

 public:
  using Base::Base;
  Result() : Base{boost::outcome_v2::in_place_type<Error>, Errc::internal, "no result was set"} {}
  Result(Errc errc)  // NOLINT(google-explicit-constructor)
      : Base{boost::outcome_v2::in_place_type<Error>, errc} {}
};

/// `return success();` from a function that returns `Result<void>`.
using boost::outcome_v2::success;

}  // namespace v1
}  // namespace spider

template <>
struct std::is_error_code_enum<spider::Errc> : std::true_type {};

/// Statement forms only: `SPIDER_TRY(auto x, f());` returns f's error from the enclosing function,
/// or declares x; `SPIDER_CO_TRY(auto x, co_await f());` does the same in a coroutine.
#define SPIDER_TRY(...) BOOST_OUTCOME_TRY(__VA_ARGS__)
#define SPIDER_CO_TRY(...) BOOST_OUTCOME_CO_TRY(__VA_ARGS__)
