#include "spider/policies/fifo.hpp"

#include "policies/entry_index.hpp"
#include "policies/slab.hpp"
#include "policies/slot_index.hpp"
#include "policies/slot_tree.hpp"

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
  std::uint32_t number = 0;  // in its line, counted from the line's first entry ever
};
static_assert(sizeof(Queued) == 80);

/// The entries of one job in one leaf, in order of admission.
struct JobLine {
  JobId job;
  TimePoint created_at;
  detail::SlotNode node;
  std::uint32_t first = kNoSlot;  // kNoSlot only when released
  std::uint32_t last = kNoSlot;
  std::uint32_t admitted = 0;
  std::uint32_t next = kNoSlot;
};

/// Shared by the leaves of one stack.
struct LeafMemory {
  detail::Slab<Queued> entries;
  detail::Slab<JobLine> lines;
  detail::EntryIndex index;

  auto make_index() -> void {
    index.use();
    for (std::uint32_t line = 0; line < lines.end(); ++line) {
      for (auto at = lines[line].first; at != kNoSlot; at = entries[at].next) {
        index.add(line, entries[at].entry.task, at);
      }
    }
  }
};

class Fifo final : public SchedulingPolicy {
 public:
  explicit Fifo(std::shared_ptr<LeafMemory> memory) : memory_{std::move(memory)} {}
  ~Fifo() override { release_all(); }

  auto admit(const InboundEntry& entry, TimePoint) -> void override {
    if (size_ == 0) group_ = entry.group;
    several_groups_ = size_ > 0 && (several_groups_ || group_ != entry.group);
    auto at = find(entry.job);
    if (at == kNoSlot) at = open(entry);
    recent_ = at;
    auto& line = line_at(at);
    const auto queued = memory_->entries.take({entry, kNoSlot, line.admitted++});
    (line.first == kNoSlot ? line.first : memory_->entries[line.last].next) = queued;
    line.last = queued;
    memory_->index.add(at, entry.task, queued);
    lines_.add(at, 1, by_age());
    ++size_;
  }

  auto next(TimePoint) -> std::optional<InboundEntry> override {
    return size_ == 0 ? std::nullopt : pop(lines_.front());
  }

  auto take_oldest(JobId job, TimePoint) -> std::optional<InboundEntry> override {
    const auto at = find(job);
    return at == kNoSlot ? std::nullopt : pop(at);
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
    lines_.clear();
    index_.clear();
    recent_ = kNoSlot;
    size_ = 0;
  }

  [[nodiscard]] auto size() const -> std::size_t override { return size_; }
  auto finished(const InboundEntry&, Duration) -> void override {}
  [[nodiscard]] auto wake_at() const -> std::optional<TimePoint> override { return std::nullopt; }

  [[nodiscard]] auto place(JobId job, TaskId task) const -> std::optional<QueuePlace> override {
    const auto line = find(job);
    if (line == kNoSlot) return std::nullopt;
    if (!memory_->index.in_use()) memory_->make_index();
    const auto at = memory_->index.find(line, task);
    if (at == kNoSlot) return std::nullopt;
    const auto in_line = 1 + memory_->entries[at].number - memory_->entries[line_at(line).first].number;
    QueuePlace place;
    place.exact = true;
    place.in_global = lines_.sum_before(line, by_age()) + in_line;
    place.in_group = several_groups_ ? ahead_in_group(line) + in_line : *place.in_global;
    return place;
  }

  [[nodiscard]] auto traits() const -> PolicyTraits override {
    PolicyTraits traits;
    traits.name = "fifo";
    traits.bound = "entries + arrivals of older jobs; of one job: entries ahead + 1";
    traits.starvation_bound = [](const BacklogShape& shape) -> std::optional<std::uint64_t> {
      if (shape.jobs <= 1 && shape.groups <= 1) return shape.entries_ahead + 1;
      const auto elsewhere = shape.groups <= 1 ? 0 : shape.older_arrivals_elsewhere;
      return shape.entries + shape.older_arrivals + elsewhere;
    };
    traits.places = PlaceKind::exact;
    return traits;
  }

 private:
  struct ByAge {
    LeafMemory& memory;
    [[nodiscard]] auto before(std::uint32_t left, std::uint32_t right) const -> bool {
      const auto key = [this](std::uint32_t at) {
        return std::tuple{memory.lines[at].created_at, memory.lines[at].job, at};
      };
      return key(left) < key(right);
    }
    [[nodiscard]] auto node(std::uint32_t at) const -> detail::SlotNode& { return memory.lines[at].node; }
  };

  [[nodiscard]] auto line_at(std::uint32_t at) const -> JobLine& { return memory_->lines[at]; }
  [[nodiscard]] auto by_age() const -> ByAge { return {*memory_}; }

  [[nodiscard]] auto find(JobId job) const -> std::uint32_t {
    if (recent_ != kNoSlot && line_at(recent_).job == job) return recent_;
    return index_.find(job.value);
  }

  /// The first entry of the line.
  auto pop(std::uint32_t at) -> std::optional<InboundEntry> {
    auto& line = line_at(at);
    const auto first = line.first;
    const auto& queued = memory_->entries[first];
    std::optional<InboundEntry> entry{queued.entry};
    memory_->index.remove(at, entry->task, first);
    line.first = queued.next;
    memory_->entries.release(first);
    --size_;
    if (line.first == kNoSlot) {
      close(at);
    } else {
      memory_->entries.prefetch(line.first);
      lines_.add(at, 0U - 1U, by_age());
    }
    return entry;
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
    lines_.insert(at, by_age());
    return at;
  }

  auto close(std::uint32_t at) -> void {
    lines_.erase(at, by_age());
    index_.erase(line_at(at).job.value);
    line_at(at).first = kNoSlot;
    memory_->lines.release(at);
    if (recent_ == at) recent_ = kNoSlot;
  }

  auto release_entries(std::uint32_t line) -> std::size_t {
    std::size_t count = 0;
    for (auto at = line_at(line).first; at != kNoSlot; ++count) {
      const auto next = memory_->entries[at].next;
      memory_->index.remove(line, memory_->entries[at].entry.task, at);
      memory_->entries.release(at);
      at = next;
    }
    return count;
  }

  auto release_all() -> void {
    while (size_ > 0) {
      const auto at = lines_.front();
      size_ -= release_entries(at);
      close(at);
    }
  }

  /// Entries of the same resource group in lines before this one.
  [[nodiscard]] auto ahead_in_group(std::uint32_t line) const -> std::uint64_t {
    const auto group_of = [this](std::uint32_t at) {
      return memory_->entries[line_at(at).first].entry.group;
    };
    const auto group = group_of(line);
    std::uint64_t ahead = 0;
    for (auto at = lines_.front(); at != line; at = lines_.after(at, by_age())) {
      if (group_of(at) == group) ahead += line_at(at).node.count;
    }
    return ahead;
  }

  std::shared_ptr<LeafMemory> memory_;
  detail::SlotTree lines_;          // oldest job first
  std::uint32_t recent_ = kNoSlot;  // the line last admitted to
  bool several_groups_ = false;     // since it was last empty
  std::size_t size_ = 0;
  ResourceGroupId group_;    // of the first entry since then
  detail::SlotIndex index_;  // by job
};

}  // namespace

auto make_fifo() -> std::unique_ptr<SchedulingPolicy> { return fifo_leaves()(); }

auto fifo_leaves() -> PolicyFactory {
  return [memory = std::make_shared<LeafMemory>()] { return std::make_unique<Fifo>(memory); };
}

}  // namespace v1
}  // namespace spider
