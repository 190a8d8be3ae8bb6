#include "spider/policies/fifo.hpp"

#include "policies/slab.hpp"
#include "policies/slot_index.hpp"
#include "policies/slot_lists.hpp"

#include <cstdint>
#include <tuple>
#include <utility>

namespace spider {
inline namespace v1 {
namespace {

using detail::kNoSlot;

struct Queued {
  InboundEntry entry;
  std::uint32_t next = kNoSlot;
};

/// The entries of one job in one leaf, in order of admission.
struct JobLine {
  JobId job;
  TimePoint created_at;
  std::uint32_t first = kNoSlot;
  std::uint32_t last = kNoSlot;
  detail::SlotLinks links;     // among the lines that arrived in order
  std::uint32_t position = 0;  // among the late ones
  std::uint32_t next = kNoSlot;
  bool late = false;
};

/// Shared by the leaves of one stack.
struct LeafMemory {
  detail::Slab<Queued> entries;
  detail::Slab<JobLine> lines;
};

/// Jobs are nearly always admitted in the order of their submission. Those are linked in that order;
/// the few that come late are in a heap beside them.
class Fifo final : public SchedulingPolicy {
 public:
  explicit Fifo(std::shared_ptr<LeafMemory> memory) : memory_{std::move(memory)} {}
  ~Fifo() override { release_all(); }

  auto admit(const InboundEntry& entry, TimePoint) -> void override {
    auto at = find(entry.job);
    if (at == kNoSlot) at = open(entry);
    recent_ = at;
    auto& line = line_at(at);
    const auto queued = memory_->entries.take({entry, kNoSlot});
    (line.first == kNoSlot ? line.first : memory_->entries[line.last].next) = queued;
    line.last = queued;
    ++size_;
  }

  auto next(TimePoint) -> std::optional<InboundEntry> override {
    if (size_ == 0) return std::nullopt;
    const auto at = oldest();
    auto& line = line_at(at);
    const auto first = line.first;
    const auto& queued = memory_->entries[first];
    std::optional<InboundEntry> entry{queued.entry};
    line.first = queued.next;
    memory_->entries.release(first);
    --size_;
    if (line.first == kNoSlot) close(at);
    return entry;
  }

  auto drop_job(JobId job) -> std::size_t override {
    const auto at = find(job);
    if (at == kNoSlot) return 0;
    const auto dropped = release_entries(at);
    close(at);
    size_ -= dropped;
    return dropped;
  }

  auto clear() -> void override {
    release_all();
    in_order_.clear();
    late_.clear();
    index_.clear();
    recent_ = kNoSlot;
    size_ = 0;
  }

  [[nodiscard]] auto size() const -> std::size_t override { return size_; }
  auto finished(const InboundEntry&, Duration) -> void override {}
  [[nodiscard]] auto wake_at() const -> std::optional<TimePoint> override { return std::nullopt; }
  [[nodiscard]] auto place(JobId, TaskId) const -> std::optional<QueuePlace> override { return std::nullopt; }

  [[nodiscard]] auto traits() const -> PolicyTraits override {
    PolicyTraits traits;
    traits.name = "fifo";
    traits.bound = "entries + arrivals of older jobs; of one job: entries ahead + 1";
    traits.starvation_bound = [](const BacklogShape& shape) -> std::optional<std::uint64_t> {
      if (shape.jobs <= 1 && shape.groups <= 1) return shape.entries_ahead + 1;
      const auto elsewhere = shape.groups <= 1 ? 0 : shape.older_arrivals_elsewhere;
      return shape.entries + shape.older_arrivals + elsewhere;
    };
    return traits;
  }

 private:
  struct LinksOf {
    LeafMemory& memory;
    auto operator()(std::uint32_t at) const -> detail::SlotLinks& { return memory.lines[at].links; }
  };
  struct ByAge {
    LeafMemory& memory;
    [[nodiscard]] auto before(std::uint32_t left, std::uint32_t right) const -> bool {
      const auto key = [this](std::uint32_t at) {
        return std::tuple{memory.lines[at].created_at, memory.lines[at].job, at};
      };
      return key(left) < key(right);
    }
    [[nodiscard]] auto position(std::uint32_t at) const -> std::uint32_t& {
      return memory.lines[at].position;
    }
  };

  [[nodiscard]] auto line_at(std::uint32_t at) const -> JobLine& { return memory_->lines[at]; }
  [[nodiscard]] auto by_age() const -> ByAge { return {*memory_}; }
  [[nodiscard]] auto links() const -> LinksOf { return {*memory_}; }

  [[nodiscard]] auto find(JobId job) const -> std::uint32_t {
    if (recent_ != kNoSlot && line_at(recent_).job == job) return recent_;
    return index_.find(job.value);
  }

  [[nodiscard]] auto oldest() const -> std::uint32_t {
    if (late_.empty()) return in_order_.front();
    if (in_order_.empty() || by_age().before(late_.top(), in_order_.front())) return late_.top();
    return in_order_.front();
  }

  // A line that is alone may be missing in the index, since it is the recent one: most leaves under a
  // grouping by job never need an index.
  auto open(const InboundEntry& entry) -> std::uint32_t {
    JobLine fresh;
    fresh.job = entry.job;
    fresh.created_at = entry.created_at;
    const auto at = memory_->lines.take(fresh);
    if (size_ > 0) {
      if (recent_ != kNoSlot) index_.put(line_at(recent_).job.value, recent_);
      index_.put(entry.job.value, at);
    }
    if (in_order_.empty() || by_age().before(in_order_.back(), at)) {
      in_order_.push_back(at, links());
    } else {
      line_at(at).late = true;
      late_.push(at, by_age());
    }
    return at;
  }

  auto close(std::uint32_t at) -> void {
    if (line_at(at).late) {
      late_.erase(at, by_age());
    } else {
      in_order_.erase(at, links());
    }
    index_.erase(line_at(at).job.value);
    memory_->lines.release(at);
    if (recent_ == at) recent_ = kNoSlot;
  }

  auto release_entries(std::uint32_t line) -> std::size_t {
    std::size_t count = 0;
    for (auto at = line_at(line).first; at != kNoSlot; ++count) {
      const auto next = memory_->entries[at].next;
      memory_->entries.release(at);
      at = next;
    }
    return count;
  }

  auto release_all() -> void {
    while (size_ > 0) {
      const auto at = oldest();
      size_ -= release_entries(at);
      close(at);
    }
  }

  std::shared_ptr<LeafMemory> memory_;
  detail::SlotList in_order_;
  std::uint32_t recent_ = kNoSlot;  // the line last admitted to
  std::size_t size_ = 0;
  detail::SlotHeap late_;
  detail::SlotIndex index_;  // by job
};

}  // namespace

auto make_fifo() -> std::unique_ptr<SchedulingPolicy> { return fifo_leaves()(); }

auto fifo_leaves() -> PolicyFactory {
  return [memory = std::make_shared<LeafMemory>()] { return std::make_unique<Fifo>(memory); };
}

}  // namespace v1
}  // namespace spider
