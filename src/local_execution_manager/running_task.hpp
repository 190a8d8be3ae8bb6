#pragma once

/// One task instance that a local execution manager holds, from its start to its handler's return.

#include "spider/execution_client.hpp"
#include "spider/handlers.hpp"

#include <map>
#include <memory>
#include <optional>
#include <stop_token>

namespace spider::inline v1::detail {

class CoroutineHome;
struct RunningTask;
using RunningTaskPtr = std::shared_ptr<RunningTask>;
using Deadlines = std::multimap<TimePoint, RunningTaskPtr>;

struct RunningTask {
  TaskAssignment assignment;
  StartedTask started;
  std::shared_ptr<const Handler> handler;
  TimePoint began{};

  // Of the manager's strand.
  std::size_t position = 0;    // in the manager's list
  std::uint64_t sequence = 0;  // grows with each start
  std::optional<Deadlines::iterator> deadline;
  bool fenced = false;           // its result is not wanted any more
  bool stopped_by_user = false;  // by stop(cancel)
  std::shared_ptr<void> hold;    // keeps virtual time from passing

  // Guarded by the coroutine runner's mutex until a home is given, constant from then on.
  std::shared_ptr<CoroutineHome> home;  // where the coroutine runs
  bool unwanted = false;                // cancelled before it had one: not to be begun

  // Set before it goes to whoever runs it, which then has `begun` and `answer` until it comes back.
  std::stop_source stop{std::nostopstate};  // with a state where the handler can see it
  std::optional<TaskContext> context;
  bool begun = false;
  Answer<Bytes> answer{Errc::internal};
};

}  // namespace spider::inline v1::detail
