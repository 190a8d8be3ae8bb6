#include "cli/run/members.hpp"

#include "cli/run/replayed_job.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <algorithm>
#include <utility>

namespace spider::cli {

auto Members::start(const MemberParts& parts, ManagerId first_manager) -> Result<void> {
  clock_ = parts.clock;
  for (std::size_t index = 0; index < options_.schedulers; ++index) {
    const ManagerId manager{first_manager ? first_manager.value + index : 0};
    SPIDER_TRY(auto member, Member::make(context_.get_executor(), parts, options_, index, manager));
    members_.push_back(std::move(member));
  }
  return success();
}

auto Members::meet() -> Async<void> {
  const auto interval = member_times(options_).ping_interval;
  const auto until = saturating_add(clock_->now(), 2 * interval);
  const auto knows_all = [this](const auto& member) { return member->known() >= options_.schedulers; };
  while (!std::ranges::all_of(members_, knows_all) && clock_->now() < until) {
    SPIDER_CO_TRY(co_await clock_->sleep_until(saturating_add(clock_->now(), interval / 10)));
  }
  co_return success();
}

auto Members::arm_kill() -> void {
  if (!options_.kill_member) return;
  kill_ = clock_->make_alarm([this] { kill_last(); });  // on the context's only thread
  kill_->arm(saturating_add(clock_->now(), scaled(*options_.kill_member, options_.speed)));
}

auto Members::kill_last() -> void {
  auto& member = *members_.back();
  member.kill();
  asio::co_spawn(context_, rooted(member.scheduler().stop(StopMode::cancel, std::chrono::seconds{1})),
                 asio::detached);
}

auto Members::stop() -> Async<void> {
  kill_.reset();
  for (const auto& member : members_) figures_.push_back(member->figures());
  Result<void> end = success();
  for (auto& member : members_) {
    const auto stopped = co_await member->scheduler().stop(StopMode::cancel, std::chrono::seconds{10});
    if (!stopped && !member->is_killed() && end) end = stopped.error();
  }
  co_return end;
}

}  // namespace spider::cli
