// Places of fair-share over fifo, and of fifo alone: against what really happens, in random cases.

#include "spider/policies/fair_share.hpp"
#include "spider/policies/fifo.hpp"
#include "spider/policies/job_round_robin.hpp"
#include "spider/policies/registry.hpp"
#include "spider/rng.hpp"
#include "support/seed.hpp"

#include <gtest/gtest.h>

#include <map>
#include <memory>

namespace spider {
namespace {

constexpr TimePoint kPlacesNow{};

auto places_seed() -> std::uint64_t { return testing::chosen_seed().value_or(1); }

/// A sanitizer looks at the code, not at the figures: a twentieth of the cases is enough for it.
auto cases(std::uint64_t normally) -> std::uint64_t {
#ifdef SPIDER_SANITIZED
  normally /= 20;
#endif
  return testing::chosen_seed() ? 1 : normally;
}

/// A policy after some random calls, with what it holds.
class Backlog {
 public:
  Backlog(std::unique_ptr<SchedulingPolicy> policy, std::uint64_t seed)
      : policy_{std::move(policy)}, rng_{seed} {
    for (auto steps = rng_.below(60); steps > 0; --steps) step();
  }

  using Places = std::map<TaskRef, QueuePlace>;
  [[nodiscard]] auto places() const -> Places {
    Places places;
    for (const auto& [ref, group] : held_) {
      const auto place = policy_->place(ref.job, ref.task);
      EXPECT_TRUE(place.has_value()) << "job " << ref.job.value << " task " << ref.task.index();
      places[ref] = place.value_or(QueuePlace{});
    }
    return places;
  }

  auto admit(ResourceGroupId group) -> void {
    InboundEntry entry;
    entry.group = group;
    entry.job = JobId{group.value + kGroups * rng_.below(3)};
    entry.created_at = TimePoint{Duration{static_cast<std::int64_t>(entry.job.value / 2)}};
    entry.task = TaskId{tasks_++};
    policy_->admit(entry, kPlacesNow);
    held_[entry.ref()] = group;
  }
  auto next() -> std::optional<InboundEntry> {
    const auto entry = policy_->next(kPlacesNow);
    if (entry) held_.erase(entry->ref());
    return entry;
  }
  auto drop(JobId job) -> void {
    policy_->drop_job(job);
    std::erase_if(held_, [job](const auto& one) { return one.first.job == job; });
  }

  [[nodiscard]] auto held() const -> const std::map<TaskRef, ResourceGroupId>& { return held_; }
  auto rng() -> Rng& { return rng_; }
  auto any_group() -> ResourceGroupId { return ResourceGroupId{1 + rng_.below(kGroups)}; }

 private:
  static constexpr std::uint64_t kGroups = 5;

  auto step() -> void {
    const auto draw = rng_.unit();
    if (draw < 0.65) return admit(any_group());
    if (draw < 0.95) return static_cast<void>(next());
    drop(JobId{1 + rng_.below(3 * kGroups)});
  }

  std::unique_ptr<SchedulingPolicy> policy_;
  Rng rng_;
  std::map<TaskRef, ResourceGroupId> held_;
  std::uint32_t tasks_ = 0;
};

auto fair_share_of(std::uint64_t seed) -> std::unique_ptr<SchedulingPolicy> {
  return make_fair_share({}, {.overtakes_max = static_cast<std::uint32_t>(seed % 5)});
}

/// Who is where, and that nobody disagrees, on the way to an empty policy.
auto expect_drain_follows_places(Backlog& backlog) -> void {
  const auto places = backlog.places();
  std::map<ResourceGroupId, std::uint64_t> in_group;
  for (std::uint64_t in_global = 1; const auto entry = backlog.next(); ++in_global) {
    const auto& place = places.at(entry->ref());
    ASSERT_EQ(place.in_global, in_global);
    ASSERT_EQ(place.in_group, ++in_group[entry->group]);
    ASSERT_TRUE(place.exact);
  }
}

// F8
TEST(Places, DrainOfFairShareFollowsThemInAHundredThousandCases) {
  for (auto seed = places_seed(); seed < places_seed() + cases(100'000); ++seed) {
    Backlog backlog{fair_share_of(seed), seed};
    expect_drain_follows_places(backlog);
    ASSERT_FALSE(::testing::Test::HasFailure()) << "SPIDER_SEED=" << seed;
  }
}

TEST(Places, DrainOfFifoFollowsThem) {
  for (auto seed = places_seed(); seed < places_seed() + cases(20'000); ++seed) {
    Backlog backlog{make_fifo(), seed};
    expect_drain_follows_places(backlog);
    ASSERT_FALSE(::testing::Test::HasFailure()) << "SPIDER_SEED=" << seed;
  }
}

// F9
TEST(Places, EachDispatchLowersEveryOtherGlobalPlaceByOne) {
  for (auto seed = places_seed(); seed < places_seed() + cases(100'000); ++seed) {
    Backlog backlog{fair_share_of(seed), seed};
    const auto before = backlog.places();
    const auto served = backlog.next();
    const auto after = backlog.places();
    for (const auto& [ref, place] : after) {
      ASSERT_EQ(*place.in_global + 1, *before.at(ref).in_global) << "SPIDER_SEED=" << seed;
      // F11: only the own group's dispatch moves the place in the group.
      const auto own = served->group == backlog.held().at(ref) ? 1U : 0U;
      ASSERT_EQ(place.in_group + own, before.at(ref).in_group) << "SPIDER_SEED=" << seed;
    }
  }
}

// F10, F11
TEST(Places, BurstsOfOthersCostAtMostTheRankAndOwnOnesNothing) {
  for (auto seed = places_seed(); seed < places_seed() + cases(100'000); ++seed) {
    Backlog backlog{make_fair_share(), seed};
    const auto before = backlog.places();
    const auto groups = backlog.held();
    const auto bursting = backlog.any_group();
    for (auto burst = 1 + backlog.rng().below(12); burst > 0; --burst) backlog.admit(bursting);
    const auto after = backlog.places();
    for (const auto& [ref, place] : before) {
      if (groups.at(ref) == bursting) continue;  // an older job of the same group may go first there
      ASSERT_LE(*after.at(ref).in_global, *place.in_global + place.in_group) << "SPIDER_SEED=" << seed;
      ASSERT_EQ(after.at(ref).in_group, place.in_group) << "SPIDER_SEED=" << seed;
    }
  }
}

// F10
TEST(Places, OwnLaterSubmissionsChangeNothing) {
  for (auto seed = places_seed(); seed < places_seed() + cases(100'000); ++seed) {
    Rng rng{seed};
    const auto policy = make_fair_share();
    std::map<TaskRef, QueuePlace> places;
    for (std::uint64_t job = 1; job <= 30; ++job) {
      InboundEntry entry;
      entry.group = ResourceGroupId{1 + rng.below(4)};
      entry.job = JobId{job};
      entry.created_at = TimePoint{Duration{static_cast<std::int64_t>(job)}};
      policy->admit(entry, kPlacesNow);
      for (const auto& [ref, place] : places) {
        if (ref.task.index() != entry.group.value) continue;  // the key carries the group
        ASSERT_EQ(policy->place(ref.job, TaskId{0}), place) << "SPIDER_SEED=" << seed;
      }
      for (auto& [ref, place] : places) place = *policy->place(ref.job, TaskId{0});
      places[{entry.job, TaskId{static_cast<std::uint32_t>(entry.group.value)}}] =
          *policy->place(entry.job, TaskId{0});
    }
  }
}

// F3: what is not admitted yet has no place, and costs its group none.
TEST(Places, OnlyWhatIsHeldHasOne) {
  const auto policy = make_fair_share();
  EXPECT_FALSE(policy->place(JobId{1}, TaskId{0}).has_value());
  InboundEntry entry;
  entry.job = JobId{1};
  policy->admit(entry, kPlacesNow);
  EXPECT_TRUE(policy->place(JobId{1}, TaskId{0}).has_value());
  EXPECT_FALSE(policy->place(JobId{1}, TaskId{1}).has_value());
  EXPECT_FALSE(policy->place(JobId{2}, TaskId{0}).has_value());
  EXPECT_TRUE(policy->next(kPlacesNow).has_value());
  EXPECT_FALSE(policy->place(JobId{1}, TaskId{0}).has_value());
}

TEST(Places, KindsAreDeclared) {
  const auto places = [](const char* spec) { return make_policy(spec).value()->traits().places; };
  EXPECT_EQ(places("fifo"), PlaceKind::exact);
  EXPECT_EQ(places("fair-share"), PlaceKind::exact);
  EXPECT_EQ(places("fair-share(weighted=1)"), PlaceKind::within_group);
  EXPECT_EQ(places("fair-share/job-round-robin"), PlaceKind::estimate);
  EXPECT_EQ(places("job-round-robin"), PlaceKind::estimate);
  EXPECT_EQ(places("priority"), PlaceKind::estimate);
}

}  // namespace
}  // namespace spider
