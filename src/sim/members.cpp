#include "sim/members.hpp"

#include <algorithm>
#include <chrono>
#include <set>
#include <utility>

namespace spider::inline v1::sim {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

}  // namespace

auto Members::fresh_name() -> std::string {
  return context_.plan.members == 1 ? "scheduler" : "scheduler-" + std::to_string(++names_);
}

auto Members::add(std::string name) -> bool {
  auto made = Member::make(context_, parts_, all_.size(), std::move(name));
  if (!made) {
    context_.complain("setup", made.error().message());
    return false;
  }
  all_.push_back(std::move(made).value());
  return true;
}

auto Members::begin() -> bool {
  for (std::size_t i = 0; i < context_.plan.members; ++i) {
    if (!add(fresh_name())) return false;
  }
  for (const auto& member : all_) member->begin();
  return true;
}

auto Members::living() const -> std::vector<Member*> {
  std::vector<Member*> living;
  for (const auto& member : all_) {
    if (!member->is_leaving()) living.push_back(member.get());
  }
  return living;
}

auto Members::any(const Draw& draw) const -> Member* {
  const auto from = living();
  return from.empty() ? nullptr : from[draw.next(5).below(from.size())];
}

auto Members::come(std::string name, Duration after) -> Async<void> {
  (void)co_await context_.sleep(after);
  if (!context_.stopping && add(std::move(name))) all_.back()->begin();
  co_return success();
}

auto Members::join() -> void { context_.spawn(come(fresh_name(), Duration::zero())); }

auto Members::leave(const Draw& draw) -> void {
  if (auto* member = any(draw)) context_.spawn(member->leave());
}

auto Members::kill(const Draw& draw) -> void {
  auto* member = any(draw);
  if (member == nullptr) return;
  member->kill();
  auto name = draw.next(6).below(2) == 0 ? member->name() : fresh_name();
  context_.spawn(come(std::move(name), draw.between(milliseconds{10}, seconds{6})));
}

auto Members::partition(const Draw& draw) -> void {
  if (auto* member = any(draw)) {
    member->link().cut(saturating_add(context_.base.now(), draw.between(milliseconds{100}, seconds{12})));
  }
}

auto Members::disturbed(Duration by) -> void {
  for (const auto& member : all_) member->monitor().disturbed(by);
}

auto Members::look() -> void {
  for (const auto& member : all_) {
    member->monitor().look();
    member->core().look();
  }
}

auto Members::is_drained() const -> bool {
  return std::ranges::all_of(all_,
                             [](const auto& member) { return member->is_gone() || member->is_drained(); });
}

auto Members::look_at_shares() -> void {
  const auto living = this->living();
  std::size_t slots = 0;
  for (auto* member : living) {
    const auto stats = member->puller().stats();
    if (!stats || stats->members != living.size()) {
      context_.complain("R1", member->name() + " knows " + std::to_string(stats ? stats->members : 0) +
                                  " of " + std::to_string(living.size()) + " members");
    }
    if (stats) slots += stats->slots;
  }
  if (slots != kSlots) context_.complain("R4", std::to_string(slots) + " slots are owned");
  const auto active = block_on(context_.base, parts_.directory->active());
  std::set<std::string> names;
  for (const auto& member : active.value()) names.insert(member.name);
  if (active.value().size() != living.size() || names.size() != living.size()) {
    context_.complain("R2", std::to_string(active.value().size()) + " rows with " +
                                std::to_string(names.size()) + " names of " + std::to_string(living.size()) +
                                " members");
  }
}

auto Members::stop() -> void {
  for (const auto& member : all_) member->stop();
}

auto Members::close() -> void {
  for (const auto& member : all_) member->close();
}

auto Members::dispatches() const -> std::uint64_t {
  std::uint64_t dispatches = 0;
  for (const auto& member : all_) dispatches += member->monitor().dispatches();
  return dispatches;
}

}  // namespace spider::inline v1::sim
