#include "spider/policies/job_round_robin.hpp"

#include "policies/slot_lists.hpp"
#include "spider/policies/fifo.hpp"
#include "spider/policies/grouped.hpp"

#include <cassert>
#include <string>
#include <utility>
#include <vector>

namespace spider {
inline namespace v1 {
namespace {

/// Invariant: while the rotation has room, nobody is pending.
class JobRoundRobinPicker final : public GroupPicker {
 public:
  explicit JobRoundRobinPicker(JobRoundRobinOptions options) : options_{options} {
    assert(options.active_jobs > 0 && options.turns_max > 0);
  }

  auto active(const GroupInfo& group, TimePoint) -> void override {
    const auto at = group.key.slot;
    if (at >= jobs_.size()) jobs_.resize(at + 1);
    auto& job = jobs_[at];
    job.has_work = true;
    if (job.stands == Stands::in_rotation) return;
    if (rotation_.size() < options_.active_jobs) {
      join_rotation(at);
    } else {
      join_pending(at);
    }
  }

  auto idle(GroupKey group) -> void override {
    auto& job = jobs_[group.slot];
    job.has_work = false;
    if (job.stands != Stands::pending) return;
    pending_.erase(group.slot, links());
    job.stands = Stands::outside;
  }

  auto forget(GroupKey group) -> void override {
    if (jobs_[group.slot].stands == Stands::in_rotation) retire(group.slot);
    jobs_[group.slot] = Job{};
  }

  auto pick(TimePoint) -> GroupKey override {
    while (!jobs_[rotation_.front()].has_work) retire(rotation_.front());
    const auto at = rotation_.pop_front(links());
    auto& job = jobs_[at];
    if (job.turns < options_.turns_max) ++job.turns;
    if (job.turns < options_.turns_max || pending_.empty()) {
      job.joined = ++joins_;
      rotation_.push_back(at, links());
    } else {
      join_rotation(pending_.pop_front(links()));
      join_pending(at);
    }
    return {at};
  }

  auto finished(GroupKey, Duration) -> void override {}

  auto clear() -> void override {
    jobs_.clear();
    joins_ = 0;
    rotation_.clear();
    pending_.clear();
  }

  /// Those pending are taken to come after all in rotation.
  [[nodiscard]] auto turn(GroupKey key) const -> std::uint64_t override {
    constexpr auto kBehindRotation = std::uint64_t{1} << 63U;
    const auto& job = jobs_[key.slot];
    return job.stands == Stands::pending ? kBehindRotation + job.joined : job.joined;
  }

  [[nodiscard]] auto traits() const -> Traits override {
    const auto active = std::uint64_t{options_.active_jobs};
    const auto turns = std::uint64_t{options_.turns_max};
    const auto a = std::to_string(active);
    Traits traits;
    traits.name = "job-round-robin";
    traits.bound = a + " + " + std::to_string(turns * active) + " x ceil(jobs / " + a + ")";
    traits.turns_bound = [active, turns](std::uint64_t jobs, double) -> std::optional<std::uint64_t> {
      const auto rotations = jobs / active + (jobs % active == 0 ? 0 : 1);
      if (rotations > UINT64_MAX / 2 / turns / active) return std::nullopt;
      return active + turns * active * rotations;
    };
    traits.places = PlaceKind::estimate;
    return traits;
  }

 private:
  enum class Stands : std::uint8_t { outside, in_rotation, pending };
  struct Job {
    std::uint64_t joined = 0;  // the back of rotation or line, counted
    detail::SlotLinks links;
    std::uint32_t turns = 0;  // since it joined the rotation
    Stands stands = Stands::outside;
    bool has_work = false;
  };
  struct LinksOf {
    std::vector<Job>& jobs;
    auto operator()(std::uint32_t at) const -> detail::SlotLinks& { return jobs[at].links; }
  };

  [[nodiscard]] auto links() -> LinksOf { return {jobs_}; }

  auto join_rotation(std::uint32_t at) -> void {
    jobs_[at].stands = Stands::in_rotation;
    jobs_[at].turns = 0;
    jobs_[at].joined = ++joins_;
    rotation_.push_back(at, links());
  }

  auto join_pending(std::uint32_t at) -> void {
    jobs_[at].stands = Stands::pending;
    jobs_[at].joined = ++joins_;
    pending_.push_back(at, links());
  }

  auto retire(std::uint32_t at) -> void {
    rotation_.erase(at, links());
    jobs_[at].stands = Stands::outside;
    if (!pending_.empty()) join_rotation(pending_.pop_front(links()));
  }

  JobRoundRobinOptions options_;
  std::uint64_t joins_ = 0;
  detail::SlotList rotation_;  // next turn first; may hold jobs that have run dry
  detail::SlotList pending_;   // longest first; all of them have work
  std::vector<Job> jobs_;      // by slot
};

}  // namespace

auto job_round_robin_picker(JobRoundRobinOptions options) -> std::unique_ptr<GroupPicker> {
  return std::make_unique<JobRoundRobinPicker>(options);
}

auto make_job_round_robin(PolicyFactory inner, JobRoundRobinOptions options)
    -> std::unique_ptr<SchedulingPolicy> {
  return grouped(GroupBy::job, job_round_robin_picker(options), inner ? std::move(inner) : fifo_leaves(),
                 {.idle_max = 2 * std::size_t{options.active_jobs}});
}

}  // namespace v1
}  // namespace spider
