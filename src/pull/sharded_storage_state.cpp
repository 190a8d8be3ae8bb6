#include "pull/sharded_storage_state.hpp"

#include "stable_hash.hpp"

#include <algorithm>
#include <utility>

namespace spider::inline v1::detail {

namespace {

auto window_of(TimePoint now, Duration window) -> std::uint64_t {
  return static_cast<std::uint64_t>(std::max(now.time_since_epoch(), Duration::zero()) / window);
}

/// Where a member's rotation begins: far from the others'.
auto offset_of(const std::string& name) -> std::uint64_t { return stable_hash(name); }

}  // namespace

ShardedState::ShardedState(ShardedStorageParts client_parts, ShardedStorageOptions client_options,
                           Clock& client_clock)
    : parts{std::move(client_parts)},
      options{std::move(client_options)},
      clock{client_clock},
      changed{WaitingLine::make(client_clock)} {}

auto ShardedState::begin_join() -> Result<bool> {
  const std::scoped_lock lock{mutex_};
  if (leaving_) return Error{Errc::closed, "the member has left"};
  return !std::exchange(joining_, true);
}

auto ShardedState::end_join(const std::string& name, const Result<MemberId>& member) -> void {
  {
    const std::scoped_lock lock{mutex_};
    joining_ = false;
    if (member) {
      name_ = name;
      member_ = member.value();
      next_beat_ = saturating_add(clock.now(), options.ping_interval);
    }
  }
  changed->notify_all();
}

auto ShardedState::begin_leave() -> void {
  {
    const std::scoped_lock lock{mutex_};
    leaving_ = true;
    share_.reset();
  }
  changed->notify_all();
}

auto ShardedState::is_joining() const -> bool {
  const std::scoped_lock lock{mutex_};
  return joining_;
}

auto ShardedState::end_leave() -> void {
  const std::scoped_lock lock{mutex_};
  member_ = {};
}

auto ShardedState::is_leaving() const -> bool {
  const std::scoped_lock lock{mutex_};
  return leaving_;
}

auto ShardedState::member() const -> MemberId {
  const std::scoped_lock lock{mutex_};
  return member_;
}

auto ShardedState::name() const -> std::string {
  const std::scoped_lock lock{mutex_};
  return name_;
}

auto ShardedState::count_rejoin() -> void {
  const std::scoped_lock lock{mutex_};
  ++stats_.rejoined;
}

auto ShardedState::registered(const Registration& registration) -> void {
  const std::scoped_lock lock{mutex_};
  registration_ = registration;
}

auto ShardedState::unregistered() -> void {
  const std::scoped_lock lock{mutex_};
  registration_.reset();
}

auto ShardedState::registration() const -> std::optional<Registration> {
  const std::scoped_lock lock{mutex_};
  return registration_;
}

// By id: whoever took the name over is somebody else.
auto ShardedState::is_among(const std::vector<MemberView>& members) const -> bool {
  const std::scoped_lock lock{mutex_};
  return std::ranges::any_of(members, [this](const auto& seen) { return seen.id == member_; });
}

auto ShardedState::adopt(std::vector<MemberView> members) -> void {
  const bool present = members.empty() || is_among(members);
  std::vector<std::string> names;
  names.reserve(members.size());
  for (const auto& seen : members) names.push_back(seen.name);
  std::ranges::sort(names);
  const auto own = name();
  {
    const std::scoped_lock lock{mutex_};
    stats_.members = members.size();
    if (has_read_ && names == names_ && present == present_) return;
  }
  if (members.empty()) members.push_back({MemberId{}, own});
  auto owned = present ? owned_slots(members, own, options.redundancy) : OwnedSlots{};  // takes a while
  const std::scoped_lock lock{mutex_};
  names_ = std::move(names);
  present_ = present;
  set_owned(std::move(owned));
}

auto ShardedState::set_owned(OwnedSlots owned) -> void {
  if (has_read_) stats_.moved += (owned_.first ^ owned.first).count();
  has_read_ = true;
  owned_ = std::move(owned);
  stats_.slots = owned_.first.count();
  share_.reset();
}

auto ShardedState::reading_failed() -> void {
  bool first = false;
  {
    const std::scoped_lock lock{mutex_};
    ++stats_.ping_trouble;
    in_trouble_ = true;
    first = !has_read_;
  }
  if (first) adopt({});
}

auto ShardedState::ping_failed() -> void {
  const std::scoped_lock lock{mutex_};
  ++stats_.ping_trouble;
  in_trouble_ = true;
}

auto ShardedState::set_ratio(PullRatio ratio) -> void {
  const std::scoped_lock lock{mutex_};
  if (std::exchange(stats_.ratio, ratio) != ratio) share_.reset();
}

auto ShardedState::share(TimePoint now) -> std::shared_ptr<const SlotFilter> {
  const std::scoped_lock lock{mutex_};
  ++stats_.polls;
  const bool sheds = stats_.ratio < kPullAll;
  if (sheds && !leaving_) ++stats_.shed;
  const auto window = sheds ? window_of(now, options.shed_window) : 0;
  if (share_ && share_window_ == window) return share_;
  auto share = std::make_shared<SlotFilter>();
  share->takeover_delay = options.takeover_delay;
  if (!leaving_) {
    share->first = owned_.first;
    share->later = owned_.later;
  }
  if (sheds) {
    const auto asked = rotated_slots(stats_.ratio, offset_of(name_), window, options.shed_step);
    share->first &= asked;
    share->later &= asked;
  }
  share_window_ = window;
  share_ = std::move(share);
  return share_;
}

auto ShardedState::share_until(TimePoint now) const -> TimePoint {
  const auto until = saturating_add(now, options.poll_interval);
  const std::scoped_lock lock{mutex_};
  if (stats_.ratio == kPullAll) return until;
  const auto into = std::max(now.time_since_epoch(), Duration::zero()) % options.shed_window;
  return std::min(until, saturating_add(now, options.shed_window - into));
}

auto ShardedState::count(const InboundBatch& batch) -> void {
  const std::scoped_lock lock{mutex_};
  stats_.pulled += batch.entries.size();
  for (const auto& entry : batch.entries) {
    if (!owned_.first.test(slot_of(entry.ref()))) ++stats_.conflicts;
  }
}

auto ShardedState::stats() const -> PullStats {
  const std::scoped_lock lock{mutex_};
  auto stats = stats_;
  stats.member = member_;
  return stats;
}

auto ShardedState::next_beat() const -> TimePoint {
  const std::scoped_lock lock{mutex_};
  return next_beat_;
}

// Who is absent, or could not ask, does not wait for the next interval.
auto ShardedState::beat_ended(TimePoint now) -> void {
  const std::scoped_lock lock{mutex_};
  const bool soon = std::exchange(in_trouble_, false) || (!present_ && !leaving_);
  next_beat_ = saturating_add(
      now, soon ? std::min(options.poll_interval, options.ping_interval) : options.ping_interval);
}

}  // namespace spider::inline v1::detail
