#include "sim/faulty_directory.hpp"

#include <utility>

namespace spider::inline v1::sim {

auto FaultyDirectory::join(MemberInfo info) -> Async<MemberId> {
  parts_.monitor->joins();
  SPIDER_CO_TRY(co_await parts_.link.reach());
  const auto member = co_await parts_.behind->join(std::move(info));
  if (member) parts_.monitor->joined(member.value());
  co_return member;
}

auto FaultyDirectory::ping(MemberId member) -> Async<void> {
  SPIDER_CO_TRY(co_await parts_.link.reach());
  const auto lost = context_.fires(FaultKind::ping_lost);
  Result<void> answer = Error{Errc::storage_unavailable, "simulated"};
  if (lost && lost->below(2) == 0) co_return answer;
  auto arrived = co_await parts_.behind->ping(member);
  co_return lost ? answer : arrived;
}

auto FaultyDirectory::leave(MemberId member) -> Async<void> {
  parts_.monitor->leaves();
  SPIDER_CO_TRY(co_await parts_.link.reach());
  co_return co_await parts_.behind->leave(member);
}

auto FaultyDirectory::active() -> Async<std::vector<MemberView>> {
  auto reached = co_await parts_.link.reach();
  Result<std::vector<MemberView>> members = Errc::storage_unavailable;
  if (reached) members = co_await parts_.behind->active();
  if (members) {
    const auto fresh = members.value();
    const auto stale = earlier_.empty() ? std::nullopt : context_.fires(FaultKind::view_stale);
    if (stale) members = earlier_[stale->below(earlier_.size())];
    if (earlier_.size() == kEarlierMax) earlier_.erase(earlier_.begin());
    earlier_.push_back(fresh);
  }
  parts_.monitor->read(members);
  co_return members;
}

auto FaultyDirectory::collect(std::size_t limit) -> Async<std::size_t> {
  SPIDER_CO_TRY(co_await parts_.link.reach());
  co_return co_await parts_.behind->collect(limit);
}

}  // namespace spider::inline v1::sim
