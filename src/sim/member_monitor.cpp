#include "sim/member_monitor.hpp"

#include <algorithm>

namespace spider::inline v1::sim {

/// R10: who has left does not appear again.
auto MemberMonitor::joins() -> void {
  if (left_) context_.complain("R10", name_ + " joins after it has left");
}

auto MemberMonitor::read(const Result<std::vector<MemberView>>& members) -> void {
  const auto absent = members && !members.value().empty() &&
                      std::ranges::find(members.value(), id_, &MemberView::id) == members.value().end();
  absent_ = absent ? absent_ + 1 : 0;
}

/// R1: it has joined before it pulls. R3: after one reading it may ping and read again; absent from that,
/// too, it takes nothing. R10: nor does it when it has left.
auto MemberMonitor::polls(const PollRequest& request) -> void {
  if (!request.slots) return context_.complain("R4", name_ + " asks for the tasks of all");
  if (request.slots->first.none() && request.slots->later.none()) return;
  if (!id_) context_.complain("R1", name_ + " pulls before it has joined");
  if (absent_ > 1) context_.complain("R3", name_ + " pulls although it is not among the active");
  if (left_) context_.complain("R10", name_ + " pulls after it has left");
}

}  // namespace spider::inline v1::sim
