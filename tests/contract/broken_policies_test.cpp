// Policies with one defect each: the suite must find every one of them.

#include "spider/policies/fair_share.hpp"
#include "spider/testing/policy_suite.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace spider {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

enum class PolicyDefect : std::uint8_t {
  none,
  loses_an_entry,
  returns_one_twice,
  invents_one,
  changes_one,
  answers_nothing,
  not_deterministic,
  lifo_with_the_bound_of_fifo,
  drop_leaves_one,
  drop_miscounts,
  drop_takes_too_much,
  takes_the_newest,
  take_leaves_one,
  size_lies,
  clear_leaves_one,
  clear_remembers,
  wakes_in_the_past,
  places_undeclared,
  places_wrong,
  no_name,
  throws,
};

/// First in, first out, in a vector, unless the defect says otherwise.
class Defective final : public SchedulingPolicy {
 public:
  explicit Defective(PolicyDefect defect) : defect_{defect}, instance_{++instances_} {}

  auto admit(const InboundEntry& entry, TimePoint) -> void override {
    ++admitted_;
    if (has(PolicyDefect::loses_an_entry) && admitted_ == 100) return;
    entries_.push_back(entry);
    if (has(PolicyDefect::returns_one_twice) && admitted_ == 100) entries_.push_back(entry);
  }

  auto next(TimePoint) -> std::optional<InboundEntry> override {
    ++asked_;
    if (has(PolicyDefect::throws) && asked_ == 50) throw std::runtime_error{"out of luck"};
    if (entries_.empty()) return std::nullopt;
    if (asked_ % 50 == 0 && (has(PolicyDefect::answers_nothing) || has(PolicyDefect::wakes_in_the_past))) {
      return std::nullopt;
    }
    auto at = entries_.begin();
    if (has(PolicyDefect::lifo_with_the_bound_of_fifo)) at = entries_.end() - 1;
    if (has(PolicyDefect::not_deterministic) && instance_ % 2 == 0) at = entries_.end() - 1;
    if (has(PolicyDefect::clear_remembers) && cleared_) at = entries_.end() - 1;
    auto entry = *at;
    if (has(PolicyDefect::invents_one) && asked_ == 50) {
      entry.task = TaskId{99'999};
      return entry;
    }
    entries_.erase(at);
    if (has(PolicyDefect::changes_one) && asked_ == 50) ++entry.deliveries;
    return entry;
  }

  auto take_oldest(JobId job, TimePoint) -> std::optional<InboundEntry> override {
    const auto of_the_job = [job](const InboundEntry& entry) { return entry.job == job; };
    auto at = std::find_if(entries_.begin(), entries_.end(), of_the_job);
    if (at == entries_.end()) return std::nullopt;
    if (has(PolicyDefect::takes_the_newest)) {
      while (std::find_if(at + 1, entries_.end(), of_the_job) != entries_.end()) {
        at = std::find_if(at + 1, entries_.end(), of_the_job);
      }
    }
    const auto entry = *at;
    if (!has(PolicyDefect::take_leaves_one)) entries_.erase(at);
    return entry;
  }

  auto drop_job(JobId job) -> std::size_t override {
    auto spared = has(PolicyDefect::drop_leaves_one) ? 1 : 0;
    auto count =
        std::erase_if(entries_, [&](const InboundEntry& entry) { return entry.job == job && spared-- <= 0; });
    if (has(PolicyDefect::drop_takes_too_much) && count > 0 && !entries_.empty()) entries_.pop_back();
    return count + (has(PolicyDefect::drop_miscounts) ? 1 : 0);
  }

  auto clear() -> void override {
    cleared_ = true;
    if (has(PolicyDefect::clear_leaves_one) && !entries_.empty()) {
      entries_.resize(1);
    } else {
      entries_.clear();
    }
  }

  [[nodiscard]] auto size() const -> std::size_t override {
    return entries_.size() + (has(PolicyDefect::size_lies) && entries_.size() == 7 ? 1 : 0);
  }
  auto finished(const InboundEntry&, Duration) -> void override {}
  [[nodiscard]] auto wake_at() const -> std::optional<TimePoint> override {
    if (has(PolicyDefect::wakes_in_the_past)) return TimePoint{};
    return std::nullopt;
  }

  [[nodiscard]] auto place(JobId job, TaskId task) const -> std::optional<QueuePlace> override {
    if (!has(PolicyDefect::places_undeclared) && !has(PolicyDefect::places_wrong)) return std::nullopt;
    for (std::size_t at = 0; at < entries_.size(); ++at) {
      if (entries_[at].ref() == TaskRef{job, task}) return QueuePlace{at + 1, at + 1, true};
    }
    return std::nullopt;
  }

  [[nodiscard]] auto traits() const -> PolicyTraits override {
    PolicyTraits traits;
    traits.name = has(PolicyDefect::no_name) ? "" : "defective";
    traits.bound = "entries";
    traits.starvation_bound = [](const BacklogShape& shape) { return std::optional{shape.entries}; };
    traits.work_conserving = !has(PolicyDefect::wakes_in_the_past);
    if (has(PolicyDefect::places_wrong)) traits.places = PlaceKind::exact;
    return traits;
  }

 private:
  [[nodiscard]] auto has(PolicyDefect defect) const -> bool { return defect_ == defect; }

  static inline int instances_ = 0;
  PolicyDefect defect_;
  int instance_;
  int admitted_ = 0;
  int asked_ = 0;
  bool cleared_ = false;
  std::vector<InboundEntry> entries_;
};

auto with(PolicyDefect defect) -> PolicyFactory {
  return [defect] { return std::make_unique<Defective>(defect); };
}

TEST(BrokenPolicy, SoundOnePasses) {
  EXPECT_THAT(testing::check_policy(with(PolicyDefect::none)), IsEmpty());
}

TEST(BrokenPolicy, LostEntryIsFound) {
  EXPECT_THAT(testing::check_policy_returns_each_once(with(PolicyDefect::loses_an_entry)),
              Contains(HasSubstr("never returned")));
}
TEST(BrokenPolicy, EntryReturnedTwiceIsFound) {
  EXPECT_THAT(testing::check_policy_returns_each_once(with(PolicyDefect::returns_one_twice)),
              Contains(HasSubstr("is returned twice")));
}
TEST(BrokenPolicy, InventedEntryIsFound) {
  EXPECT_THAT(testing::check_policy_returns_each_once(with(PolicyDefect::invents_one)),
              Contains(HasSubstr("but was not held")));
}
TEST(BrokenPolicy, ChangedEntryIsFound) {
  EXPECT_THAT(testing::check_policy_returns_each_once(with(PolicyDefect::changes_one)),
              Contains(HasSubstr("is returned changed")));
}
TEST(BrokenPolicy, LyingSizeIsFound) {
  EXPECT_THAT(testing::check_policy_returns_each_once(with(PolicyDefect::size_lies)),
              Contains(HasSubstr("size() is 8, but 7 entries are held")));
}
TEST(BrokenPolicy, IdlingWithWorkIsFound) {
  EXPECT_THAT(testing::check_policy_conserves_work(with(PolicyDefect::answers_nothing)),
              Contains(HasSubstr("next() answers nothing although")));
}
TEST(BrokenPolicy, WakingInThePastIsFound) {
  EXPECT_THAT(testing::check_policy_conserves_work(with(PolicyDefect::wakes_in_the_past)),
              Contains(HasSubstr("names no later time")));
}
TEST(BrokenPolicy, ChanceIsFound) {
  EXPECT_THAT(testing::check_policy_is_deterministic(with(PolicyDefect::not_deterministic)),
              Contains(HasSubstr("other answers")));
}
TEST(BrokenPolicy, LastInFirstOutBreaksTheBoundOfFifo) {
  EXPECT_THAT(testing::check_policy_starvation_bound(with(PolicyDefect::lifo_with_the_bound_of_fifo)),
              Contains(HasSubstr("the declared bound is")));
}
TEST(BrokenPolicy, DropThatLeavesOneIsFound) {
  EXPECT_THAT(testing::check_policy_drops_jobs(with(PolicyDefect::drop_leaves_one)), Not(IsEmpty()));
}
TEST(BrokenPolicy, DropThatMiscountsIsFound) {
  EXPECT_THAT(testing::check_policy_drops_jobs(with(PolicyDefect::drop_miscounts)),
              Contains(HasSubstr("drop_job() says")));
}
TEST(BrokenPolicy, DropThatTakesAnotherJobsEntryIsFound) {
  EXPECT_THAT(testing::check_policy_drops_jobs(with(PolicyDefect::drop_takes_too_much)), Not(IsEmpty()));
}
TEST(BrokenPolicy, TakingTheNewestOfAJobIsFound) {
  EXPECT_THAT(testing::check_policy_takes_oldest(with(PolicyDefect::takes_the_newest)),
              Contains(HasSubstr("was admitted later")));
}
TEST(BrokenPolicy, TakingWithoutRemovingIsFound) {
  EXPECT_THAT(testing::check_policy_takes_oldest(with(PolicyDefect::take_leaves_one)), Not(IsEmpty()));
}
TEST(BrokenPolicy, ClearThatLeavesOneIsFound) {
  EXPECT_THAT(testing::check_policy_clears(with(PolicyDefect::clear_leaves_one)), Not(IsEmpty()));
}
TEST(BrokenPolicy, ClearThatRemembersIsFound) {
  EXPECT_THAT(testing::check_policy_clears(with(PolicyDefect::clear_remembers)),
              Contains(HasSubstr("cleared and new differ")));
}
TEST(BrokenPolicy, UndeclaredPlacesAreFound) {
  EXPECT_THAT(testing::check_policy_places(with(PolicyDefect::places_undeclared)),
              Contains(HasSubstr("only if traits() declare places")));
}
TEST(BrokenPolicy, WrongPlacesAreFound) {
  EXPECT_THAT(testing::check_policy_places(with(PolicyDefect::places_wrong)),
              Contains(HasSubstr("at another place than stated")));
}
TEST(BrokenPolicy, NamelessOneIsFound) {
  EXPECT_THAT(testing::check_policy_traits(with(PolicyDefect::no_name)), Contains(HasSubstr("no name")));
}
TEST(BrokenPolicy, ThrowingOneIsFound) {
  EXPECT_THAT(testing::check_policy(with(PolicyDefect::throws)), Contains(HasSubstr("out of luck")));
}

/// `fair-share` that lets every arrival overtake, and declares the bound of one that does not.
TEST(BrokenPolicy, NewGroupsThatStarveOldOnesAreFound) {
  class Unlimited final : public SchedulingPolicy {
   public:
    auto admit(const InboundEntry& entry, TimePoint now) -> void override { policy_->admit(entry, now); }
    auto next(TimePoint now) -> std::optional<InboundEntry> override { return policy_->next(now); }
    auto take_oldest(JobId job, TimePoint now) -> std::optional<InboundEntry> override {
      return policy_->take_oldest(job, now);
    }
    auto drop_job(JobId job) -> std::size_t override { return policy_->drop_job(job); }
    auto clear() -> void override { policy_->clear(); }
    [[nodiscard]] auto size() const -> std::size_t override { return policy_->size(); }
    auto finished(const InboundEntry&, Duration) -> void override {}
    [[nodiscard]] auto wake_at() const -> std::optional<TimePoint> override { return std::nullopt; }
    [[nodiscard]] auto place(JobId, TaskId) const -> std::optional<QueuePlace> override { return {}; }
    [[nodiscard]] auto traits() const -> PolicyTraits override {
      return make_fair_share({}, {.overtakes_max = 2})->traits();
    }

   private:
    std::unique_ptr<SchedulingPolicy> policy_ = make_fair_share({}, {.overtakes_max = 1U << 31U});
  };
  EXPECT_THAT(testing::check_policy_starvation_bound([] { return std::make_unique<Unlimited>(); }),
              Contains(HasSubstr("under a stream of new groups")));
}

}  // namespace
}  // namespace spider
