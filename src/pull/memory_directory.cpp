#include "spider/pull/memory_directory.hpp"

#include "pull/member_checks.hpp"

#include <map>
#include <mutex>
#include <string>

namespace spider {
inline namespace v1 {

namespace {

class MemoryDirectory final : public MemberDirectory {
 public:
  MemoryDirectory(MemberLimits limits, Clock& clock) : limits_{limits}, clock_{clock} {}

  auto join(MemberInfo info) -> Async<MemberId> override {
    const auto stop = co_await cancelled();
    if (stop) co_return Errc::cancelled;
    co_return add(std::move(info.name));
  }

  auto ping(MemberId member) -> Async<void> override {
    const auto stop = co_await cancelled();
    if (stop) co_return Errc::cancelled;
    co_return touch(member);
  }

  auto leave(MemberId member) -> Async<void> override {
    const std::lock_guard lock{mutex_};
    rows_.erase(member);
    co_return success();
  }

  auto active() -> Async<std::vector<MemberView>> override {
    const auto stop = co_await cancelled();
    if (stop) co_return Errc::cancelled;
    co_return list();
  }

  auto collect(std::size_t limit) -> Async<std::size_t> override {
    if (limit == 0) co_return Error{Errc::invalid_argument, "limit is 0"};
    co_return remove_lost(limit);
  }

  [[nodiscard]] auto limits() const -> const MemberLimits& override { return limits_; }

 private:
  struct Row {
    std::string name;
    TimePoint pinged_at;
  };

  auto add(std::string name) -> Result<MemberId> {
    if (!is_valid_name(name)) return Error{Errc::invalid_name, name};
    const std::lock_guard lock{mutex_};
    const auto same = std::erase_if(rows_, [&](const auto& row) { return row.second.name == name; });
    if (same == 0 && rows_.size() >= limits_.members_max) {
      return detail::too_many_members(limits_);
    }
    const MemberId member{++last_id_};
    rows_.emplace(member, Row{std::move(name), clock_.now()});
    return member;
  }

  auto touch(MemberId member) -> Result<void> {
    const std::lock_guard lock{mutex_};
    const auto row = rows_.find(member);
    if (row == rows_.end()) return Errc::unknown_member;
    row->second.pinged_at = clock_.now();
    return success();
  }

  auto list() -> std::vector<MemberView> {
    const std::lock_guard lock{mutex_};
    std::vector<MemberView> members;
    for (const auto& [member, row] : rows_) {
      if (clock_.now() - row.pinged_at <= limits_.active_for) members.push_back({member, row.name});
    }
    return members;
  }

  // At most `members_max` rows are looked at, from where the last call ended.
  auto remove_lost(std::size_t limit) -> std::size_t {
    const std::lock_guard lock{mutex_};
    std::size_t removed = 0;
    auto row = rows_.upper_bound(cursor_);
    for (auto left = rows_.size(); left > 0 && removed < limit; --left) {
      if (row == rows_.end()) row = rows_.begin();
      cursor_ = row->first;
      const bool lost = clock_.now() - row->second.pinged_at > limits_.lost_after;
      row = lost ? rows_.erase(row) : std::next(row);
      removed += lost ? 1U : 0U;
    }
    return removed;
  }

  const MemberLimits limits_;
  Clock& clock_;
  std::mutex mutex_;
  std::map<MemberId, Row> rows_;
  MemberId cursor_;
  std::uint64_t last_id_ = 0;
};

}  // namespace

auto make_memory_directory(MemberLimits limits, Clock& clock) -> Result<std::unique_ptr<MemberDirectory>> {
  SPIDER_TRY(detail::check_limits(limits));
  return std::unique_ptr<MemberDirectory>{std::make_unique<MemoryDirectory>(limits, clock)};
}

}  // namespace v1
}  // namespace spider
