#pragma once

/// An independent witness of how soon a storage lets ready work be found (I11). A poll that waits is answered
/// when its time is over, whatever wake-ups were lost; and one that asked for a task when that was ready does
/// not come back empty. All that is promised of clocks is promised of the storage's: a timer of it takes the
/// longer by the true clock, the slower it ran and the further it was set back. One thread.

#include "sim/sim_context.hpp"
#include "spider/slots.hpp"
#include "spider/storage_client.hpp"

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <vector>

namespace spider::inline v1::sim {

class PollMonitor {
 public:
  explicit PollMonitor(SimContext& context) : context_{context} {}

  /// A poll reaches the storage. Returns its number.
  auto begins(TaskKind lane, const PollRequest& request) -> std::uint64_t;
  /// It has an answer: entries, none, or an error.
  auto ends(std::uint64_t poll, const Result<InboundBatch>& answer) -> void;
  /// The answer has a task that nobody was offered since it became ready, by the storage's clock no later
  /// than `since`, and that waits for no equivalent. Before `ends`.
  auto offered(const InboundEntry& entry, TimePoint since) -> void;

  /// Whether a poll is overdue. Often.
  auto look() -> void;

 private:
  struct Poll {
    TaskKind lane{};
    TimePoint asked_at{};  // by the storage's clock
    std::shared_ptr<const SlotFilter> slots;
    SimClock::Timer timer;
    bool overdue = false;
  };
  /// The last poll with this filter that found nothing.
  struct Empty {
    std::shared_ptr<const SlotFilter> slots;  // null: of all
    TimePoint asked_at{};
  };

  auto check(Poll& poll) -> void;

  SimContext& context_;
  std::uint64_t last_ = 0;
  std::map<std::uint64_t, Poll> open_;
  std::array<std::vector<Empty>, kTaskKinds> empty_;
};

}  // namespace spider::inline v1::sim
