#pragma once

/// The log of a simulated run: a rolling hash of all that happened, and the text where asked for.

#include "spider/types.hpp"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace spider::inline v1::sim {

/// What happened, and what its numbers mean.
enum class Note : std::uint8_t {
  submitted,     ///< job, existing or error
  cancelled,     ///< job, state after
  registered,    ///< scheduler, session
  unregistered,  ///< scheduler, session
  polled,        ///< lane, session, entries
  offered,       ///< job, task
  ended,         ///< job
  started,       ///< job, task, manager, instance or 0, error
  finished,      ///< job, task, instance, kind, error
  renewed,       ///< manager, lost
  enqueued,      ///< assignment, job, task, session, error
  bumped,        ///< session
  dequeued,      ///< assignment, session
  handed_out,    ///< manager, assignment
  acknowledged,  ///< manager, assignments
  handed_back,   ///< assignment
  left,          ///< manager
  fault,         ///< kind, opportunity
  manager,       ///< manager, what became of it
  observed,      ///< kind of event, job, task, session, count
  violation,
  phase,
  worker,  ///< 1 claimed, 2 renewed or released: worker, epoch, owner; 3 swept: reclaimed, completed, removed
  member,  ///< member, what became of it
  retried,
  paused,  ///< 1 or, of a resumption, 0
};

class EventLog {
 public:
  explicit EventLog(bool keep_text) : keep_text_{keep_text} {}

  auto note(Note what, TimePoint at, std::uint64_t a = 0, std::uint64_t b = 0, std::uint64_t c = 0,
            std::uint64_t d = 0, std::uint64_t e = 0) -> void {
    const auto time = static_cast<std::uint64_t>(at.time_since_epoch().count());
    auto hash = hash_;
    for (const auto word : {static_cast<std::uint64_t>(what), time, a, b, c, d, e}) {
      hash = (hash ^ word) * 0x9fb21c651e98df25U;
      hash ^= hash >> 32U;
    }
    hash_ = hash;
    ++events_;
    if (keep_text_) write(what, time, {a, b, c, d, e});
  }

  [[nodiscard]] auto hash() const -> std::uint64_t { return hash_; }
  [[nodiscard]] auto events() const -> std::uint64_t { return events_; }
  [[nodiscard]] auto take_text() -> std::string { return std::move(text_); }

 private:
  auto write(Note what, std::uint64_t at, std::array<std::uint64_t, 5> numbers) -> void;

  std::uint64_t hash_ = 0x5eed;
  std::uint64_t events_ = 0;
  std::string text_;
  bool keep_text_;
};

}  // namespace spider::inline v1::sim
