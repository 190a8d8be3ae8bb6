#include "sim/event_log.hpp"

#include "spider/sim/fault.hpp"

#include "spider/job.hpp"
#include "spider/observer.hpp"

namespace spider::inline v1::sim {

namespace {

constexpr std::array<std::string_view, 26> kEventNames = {
    "submitted",    "cancelled",   "registered", "unregistered", "polled",  "offered",  "ended",
    "started",      "finished",    "renewed",    "enqueued",     "bumped",  "dequeued", "handed_out",
    "acknowledged", "handed_back", "left",       "fault",        "manager", "observed", "violation",
    "phase",        "worker",      "member",     "retried",      "paused",
};

}  // namespace

auto EventLog::write(Note what, std::uint64_t at, std::array<std::uint64_t, 5> numbers) -> void {
  text_ += std::to_string(at);
  text_ += ' ';
  text_ += kEventNames[static_cast<std::size_t>(what)];
  std::size_t first = 0;
  if (what == Note::observed) text_.append(" ").append(to_string(static_cast<EventKind>(numbers[first++])));
  if (what == Note::fault) text_.append(" ").append(to_string(static_cast<FaultKind>(numbers[first++])));
  std::size_t last = numbers.size();
  while (last > first && numbers[last - 1] == 0) --last;
  for (; first < last; ++first) text_.append(" ").append(std::to_string(numbers[first]));
  text_ += '\n';
}

}  // namespace spider::inline v1::sim
