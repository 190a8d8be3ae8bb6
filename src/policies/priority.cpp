#include "spider/policies/priority.hpp"

#include "class_set.hpp"
#include "policies/admission_ages.hpp"
#include "policies/slab.hpp"
#include "policies/slot_index.hpp"
#include "spider/policies/fifo.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <string>
#include <utility>

namespace spider {
inline namespace v1 {
namespace {

using detail::kNoSlot;

constexpr auto kClasses = detail::ClassSet::kClasses;

/// Which entries of a job a class holds: numbers [out, in) of the job, in order of admission.
struct JobNumbers {
  std::uint64_t out = 0;
  std::uint64_t in = 0;
  std::uint32_t next = kNoSlot;
};

struct Class {
  std::unique_ptr<SchedulingPolicy> inner;
  detail::SlotIndex index;  // by job
  detail::Slab<JobNumbers> jobs;
  detail::SlotLinks links;  // among those with entries

  [[nodiscard]] auto next_out(JobId job) const -> std::optional<std::uint64_t> {
    const auto at = index.find(job.value);
    if (at == kNoSlot) return std::nullopt;
    return jobs[at].out;
  }
};

class Priority final : public SchedulingPolicy {
 public:
  Priority(PolicyFactory inner, PriorityOptions options)
      : make_inner_{std::move(inner)},
        options_{options},
        traits_{compose(options, make_inner_()->traits())} {}

  auto admit(const InboundEntry& entry, TimePoint now) -> void override {
    auto& in = class_of(entry.priority);
    if (in.inner->size() == 0) {
      with_entries_.push_back(entry.priority, links());
      by_urgency_.set(entry.priority, true);
    }
    in.inner->admit(entry, now);
    auto at = in.index.find(entry.job.value);
    if (at == kNoSlot) {
      // Above every number that the job had before, so that what is remembered of those cannot match.
      at = in.jobs.take({admitted_, admitted_});
      in.index.put(entry.job.value, at);
    }
    const auto number = in.jobs[at].in++;
    ++admitted_;
    ++size_;
    if (options_.stale_after == Duration::max()) return;
    ages_.admitted(entry.job, entry.priority, number, now);
    ages_.compact(size_, next_out());
  }

  auto next(TimePoint now) -> std::optional<InboundEntry> override {
    if (size_ == 0) return std::nullopt;
    if (auto stale = take_stale(now)) return stale;
    const auto chosen = choose();
    return took(chosen, classes_[chosen]->inner->next(now));
  }

  auto take_oldest(JobId job, TimePoint now) -> std::optional<InboundEntry> override {
    const auto from = holder_of(job);
    if (!from) return std::nullopt;
    return took(*from, classes_[*from]->inner->take_oldest(job, now));
  }

  auto drop_job(JobId job) -> std::size_t override {
    std::size_t dropped = 0;
    while (const auto from = holder_of(job)) {
      auto& in = *classes_[*from];
      const auto at = in.index.find(job.value);
      in.index.erase(job.value);
      in.jobs.release(at);
      dropped += in.inner->drop_job(job);
      rest_if_empty(*from);
    }
    size_ -= dropped;
    return dropped;
  }

  auto clear() -> void override {
    for (auto& in : classes_) {
      if (!in) continue;
      in->inner->clear();
      in->index.clear();
      in->jobs = {};
    }
    with_entries_.clear();
    by_urgency_ = {};
    ages_.clear();
    size_ = 0;
    admitted_ = 0;
    urgent_in_a_row_ = 0;
  }

  [[nodiscard]] auto size() const -> std::size_t override { return size_; }

  auto finished(const InboundEntry& entry, Duration cost) -> void override {
    if (classes_[entry.priority]) classes_[entry.priority]->inner->finished(entry, cost);
  }

  [[nodiscard]] auto wake_at() const -> std::optional<TimePoint> override { return std::nullopt; }

  [[nodiscard]] auto place(JobId job, TaskId task) const -> std::optional<QueuePlace> override {
    if (traits_.places == PlaceKind::none) return std::nullopt;
    std::uint64_t ahead = 0;
    for (auto at = by_urgency_.next(0); at; at = by_urgency_.next(std::size_t{*at} + 1)) {
      const auto& in = *classes_[*at];
      if (auto place = in.inner->place(job, task)) {
        if (place->in_global) *place->in_global += ahead;
        place->exact = false;
        return place;
      }
      ahead += in.inner->size();
    }
    return std::nullopt;
  }

  [[nodiscard]] auto traits() const -> PolicyTraits override { return traits_; }

 private:
  struct LinksOf {
    std::array<std::unique_ptr<Class>, kClasses>& classes;
    auto operator()(std::uint32_t at) const -> detail::SlotLinks& { return classes[at]->links; }
  };
  struct NextOut {
    const std::array<std::unique_ptr<Class>, kClasses>& classes;
    auto operator()(JobId job, PriorityClass in) const -> std::optional<std::uint64_t> {
      return classes[in]->next_out(job);
    }
  };

  static auto compose(PriorityOptions options, const PolicyTraits& inner) -> PolicyTraits {
    assert(inner.work_conserving);
    PolicyTraits traits;
    traits.name = "priority/" + inner.name;
    traits.bound =
        "entries + " + std::to_string(options.share) + " x max(classes - 1, 1) x (" + inner.bound + ")";
    traits.starvation_bound = [share = std::uint64_t{options.share}, within = inner.starvation_bound](
                                  BacklogShape shape) -> std::optional<std::uint64_t> {
      const auto turns = share * std::max<std::uint64_t>(std::exchange(shape.classes, 1) - 1, 1);
      const auto bound = within ? within(shape) : std::nullopt;
      if (!bound || *bound > UINT64_MAX / 2 / turns) return std::nullopt;
      return shape.entries + turns * *bound;
    };
    if (inner.places != PlaceKind::none) traits.places = PlaceKind::estimate;
    traits.uses_cost = inner.uses_cost;
    return traits;
  }

  [[nodiscard]] auto links() -> LinksOf { return {classes_}; }

  [[nodiscard]] auto next_out() const -> NextOut { return {classes_}; }

  auto class_of(PriorityClass number) -> Class& {
    auto& in = classes_[number];
    if (!in) {
      in = std::make_unique<Class>();
      in->inner = make_inner_();
    }
    return *in;
  }

  /// The most urgent class that holds some of the job.
  [[nodiscard]] auto holder_of(JobId job) const -> std::optional<PriorityClass> {
    auto at = by_urgency_.next(0);
    while (at && classes_[*at]->index.find(job.value) == kNoSlot) at = by_urgency_.next(std::size_t{*at} + 1);
    return at;
  }

  auto choose() -> PriorityClass {
    const auto urgent = *by_urgency_.next(0);
    if (with_entries_.size() == 1) {
      urgent_in_a_row_ = 0;
      return urgent;
    }
    if (++urgent_in_a_row_ < options_.share) return urgent;
    urgent_in_a_row_ = 0;
    auto lower = with_entries_.front();
    if (lower == urgent) lower = classes_[lower]->links.next;
    with_entries_.erase(lower, links());
    with_entries_.push_back(lower, links());
    return static_cast<PriorityClass>(lower);
  }

  auto take_stale(TimePoint now) -> std::optional<InboundEntry> {
    const auto oldest = ages_.oldest(next_out());
    if (!oldest || now < saturating_add(oldest->at, options_.stale_after)) return std::nullopt;
    return took(oldest->in, classes_[oldest->in]->inner->take_oldest(oldest->job, now));
  }

  auto took(PriorityClass number, std::optional<InboundEntry> entry) -> std::optional<InboundEntry> {
    if (!entry) return entry;
    auto& in = *classes_[number];
    const auto at = in.index.find(entry->job.value);
    auto& numbers = in.jobs[at];
    if (++numbers.out == numbers.in) {
      in.index.erase(entry->job.value);
      in.jobs.release(at);
    }
    --size_;
    rest_if_empty(number);
    return entry;
  }

  auto rest_if_empty(PriorityClass number) -> void {
    if (classes_[number]->inner->size() > 0) return;
    with_entries_.erase(number, links());
    by_urgency_.set(number, false);
  }

  PolicyFactory make_inner_;
  PriorityOptions options_;
  PolicyTraits traits_;
  std::array<std::unique_ptr<Class>, kClasses> classes_;
  detail::ClassSet by_urgency_;    // those with entries, as in
  detail::SlotList with_entries_;  // the lower class served longest ago first
  detail::AdmissionAges ages_;
  std::size_t size_ = 0;
  std::uint64_t admitted_ = 0;
  std::uint32_t urgent_in_a_row_ = 0;  // while lower classes had entries
};

}  // namespace

auto make_priority(PolicyFactory inner, PriorityOptions options)
    -> Result<std::unique_ptr<SchedulingPolicy>> {
  if (options.stale_after <= Duration::zero()) {
    return Error{Errc::invalid_time, "priority: stale_after is not positive"};
  }
  if (options.share < 2) return Error{Errc::invalid_argument, "priority: the reserved share is below 2"};
  return std::unique_ptr<SchedulingPolicy>{
      std::make_unique<Priority>(inner ? std::move(inner) : fifo_leaves(), options)};
}

}  // namespace v1
}  // namespace spider
