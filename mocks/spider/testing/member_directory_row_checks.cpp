#include "spider/testing/member_directory_trial.hpp"

// One row per name, and the rows of the dead.

#include "spider/rng.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <set>

namespace spider {
inline namespace v1 {
namespace testing {

namespace {

using namespace std::chrono_literals;
constexpr auto kLeaseOfMember = MemberDirectoryTrial::kActiveFor;
constexpr auto kLostAfter = MemberDirectoryTrial::kLostAfter;

auto fails_as(const auto& result, Errc errc) -> bool { return result.has_error() && result.error() == errc; }

auto one_row_per_name(MemberDirectoryTrial& trial) -> void {
  if (!trial.open()) return;
  const auto first = trial.join("one");
  const auto second = trial.join("one");
  trial.expect(first != second, "a restart has an id of its own");
  trial.expect(trial.active() == std::vector{second}, "and takes the row");
  trial.expect(fails_as(trial.ping(first), Errc::unknown_member), "whose former owner is unknown");
  trial.leave(first);
  trial.expect(trial.active() == std::vector{second}, "and takes nothing with it when it leaves");
  trial.pass(kLeaseOfMember);
  trial.expect(fails_as(trial.ping(first), Errc::unknown_member), "it pings for nobody");
  trial.pass(1ns);
  trial.expect_active("", "when only the former owner pings");
  const auto third = trial.join("one");
  trial.expect(third != first && third != second, "ids are not drawn twice");
  trial.expect(trial.ping(third).has_value() && fails_as(trial.ping(second), Errc::unknown_member),
               "the last one has the name");
}

auto bad_members(MemberDirectoryTrial& trial) -> void {
  if (!trial.open(2)) return;
  for (const auto* name : {"", "no spaces", "caf\xc3\xa9"}) {
    trial.expect(fails_as(trial.try_join(name), Errc::invalid_name), "a name is checked");
  }
  trial.expect(fails_as(trial.try_join(std::string(129, 'x')), Errc::invalid_name), "and its length");
  const auto one = trial.join("one");
  trial.join("two");
  trial.expect(fails_as(trial.try_join("three"), Errc::limit_exceeded),
               "there is no room beyond members_max");
  trial.join("two");
  trial.expect_active("one two", "at the limit");
  trial.leave(one);
  trial.join("three");
  trial.expect_active("two three", "when a leave has made room");
  trial.pass(kLostAfter + 1ns);
  trial.expect(trial.collect() == 2, "what is lost can be collected");
  trial.join("four");
  trial.expect_active("four", "and makes room");
}

auto lost_rows_are_collected(MemberDirectoryTrial& trial) -> void {
  if (!trial.open()) return;
  const auto silent = trial.join("silent");
  const auto alive = trial.join("alive");
  trial.pass(kLostAfter);
  trial.expect(trial.ping(alive).has_value(), "a row is kept while it is not lost");
  trial.expect(trial.collect() == 0, "exactly at lost_after nothing is collected");
  trial.pass(1ns);
  trial.expect(trial.collect() == 1, "a moment later the row is");
  trial.expect(fails_as(trial.ping(silent), Errc::unknown_member), "its owner is unknown then");
  trial.expect(trial.ping(alive).has_value(), "the other's is kept");
  trial.expect_active("alive", "after a collection");
  trial.expect(trial.collect() == 0, "nothing is collected twice");
  trial.expect(trial.join("silent") > silent, "who comes back has a new id");
  trial.expect(fails_as(trial.run(trial.directory().collect(0)), Errc::invalid_argument),
               "limit 0 is refused");
}

auto collections_are_bounded(MemberDirectoryTrial& trial) -> void {
  constexpr std::size_t kEach = 7;
  if (!trial.open()) return;
  std::vector<MemberId> alive;
  for (std::size_t i = 0; i < kEach; ++i) {
    alive.push_back(trial.join("alive" + std::to_string(i)));
    trial.join("lost" + std::to_string(i));
  }
  trial.pass(kLostAfter + 1ns);
  for (const auto member : alive)
    trial.expect(trial.ping(member).has_value(), "who is not collected can ping");
  std::size_t collected = 0;
  for (std::size_t call = 0; call < kEach; ++call) {  // two rows each
    const auto now = trial.collect(2);
    trial.expect(now <= 2, "a collect removes no more than its limit");
    collected += now;
  }
  trial.expect(collected == kEach, "every row gets its turn");
  trial.expect(trial.active() == alive, "who is alive stays");
}

/// What a directory must be like after random calls.
struct DirectoryModel {
  struct Row {
    MemberId id;
    TimePoint pinged_at;
  };
  std::map<std::string, Row> rows;
  std::vector<MemberId> drawn;

  [[nodiscard]] auto find(MemberId id) -> Row* {
    for (auto& [name, row] : rows) {
      if (row.id == id) return &row;
    }
    return nullptr;
  }
  [[nodiscard]] auto active(TimePoint now) const -> std::vector<MemberId> {
    std::vector<MemberId> ids;
    for (const auto& [name, row] : rows) {
      if (now - row.pinged_at <= kLeaseOfMember) ids.push_back(row.id);
    }
    std::ranges::sort(ids);
    return ids;
  }
};

auto step(MemberDirectoryTrial& trial, DirectoryModel& model, Rng& rng) -> void {
  const auto now = trial.clock().now();
  const auto what = rng.below(10);
  const auto someone = model.drawn.empty() ? MemberId{} : model.drawn[rng.below(model.drawn.size())];
  if (what < 2) {
    const auto name = "member" + std::to_string(rng.below(6));
    const auto id = trial.join(name);
    trial.expect(std::ranges::find(model.drawn, id) == model.drawn.end(), "no id is drawn twice");
    model.rows[name] = {id, now};
    model.drawn.push_back(id);
  } else if (what < 6) {
    auto* row = model.find(someone);
    const auto pinged = trial.ping(someone);
    trial.expect(row != nullptr ? pinged.has_value() : fails_as(pinged, Errc::unknown_member),
                 "who has a row, and only they, can ping");
    if (row != nullptr) row->pinged_at = now;
  } else if (what < 7) {
    trial.leave(someone);
    std::erase_if(model.rows, [&](const auto& entry) { return entry.second.id == someone; });
  } else if (what < 8) {
    const auto lost = [&](const auto& entry) { return now - entry.second.pinged_at > kLostAfter; };
    const auto expected = std::erase_if(model.rows, lost);
    trial.expect(trial.collect() == expected, "collected is what is lost");
  } else {
    trial.pass(std::chrono::seconds{rng.below(15)});
  }
}

auto random_calls(MemberDirectoryTrial& trial) -> void {
  const auto* given = std::getenv("SPIDER_SEED");
  const auto seed = given != nullptr ? std::strtoull(given, nullptr, 10) : 4711;
  if (!trial.open()) return;
  DirectoryModel model;
  Rng rng{seed};
  for (int number = 0; number < 500 && trial.broken().empty(); ++number) {
    step(trial, model, rng);
    trial.expect(trial.active() == model.active(trial.clock().now()), "active is who pinged lately");
  }
  if (!trial.broken().empty()) trial.expect(false, "SPIDER_SEED=" + std::to_string(seed));
}

}  // namespace

auto member_directory_row_checks() -> std::span<const MemberDirectoryCheck> {
  static constexpr MemberDirectoryCheck kMemberDirectoryRowChecks[] = {
      {"R2", "OneRowPerName", one_row_per_name},
      {"R2", "BadMembersAreRefused", bad_members},
      {"R2", "LostRowsAreCollected", lost_rows_are_collected},
      {"R2", "CollectionsAreBoundedAndResumed", collections_are_bounded},
      {"R2", "RandomCallsAgreeWithAModel", random_calls},
  };
  return kMemberDirectoryRowChecks;
}

}  // namespace testing
}  // namespace v1
}  // namespace spider
