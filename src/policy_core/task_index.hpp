#pragma once

/// Which tasks a core holds, and in which class: the deduplication index of PolicyCore.
///
/// A job's tasks are mostly buffered in runs and of one class, so they are kept as masks, 64 tasks to a
/// chunk; the few whose class is not that of their chunk are listed apart. The first chunk of a job
/// stands for the job: it is found by the job's id, stays as long as the job has a task here, and leads to
/// the others, which are found by it and their number. So the usual lookup is two memory accesses, and
/// what is steady in size never allocates. Nothing here iterates in hash order.

#include "policies/slab.hpp"
#include "policies/slot_index.hpp"
#include "spider/types.hpp"

#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <unordered_map>

namespace spider::inline v1::detail {

class TaskIndex {
 public:
  [[nodiscard]] auto size() const noexcept -> std::size_t { return size_; }

  [[nodiscard]] auto find(TaskRef ref) const -> std::optional<PriorityClass> {
    const auto at = locate(first_of(ref.job), ref.task);
    if (at == kNoSlot || (chunks_[at].mask & bit_of(ref.task)) == 0) return std::nullopt;
    if (apart_.empty()) return chunks_[at].priority;
    const auto apart = apart_.find(ref);
    return apart == apart_.end() ? chunks_[at].priority : apart->second;
  }

  /// Adds the task, or gives it another class.
  auto put(TaskRef ref, PriorityClass priority) -> void {
    auto& chunk = chunks_[make(ref)];
    if (chunk.mask == 0) chunk.priority = priority;
    if ((chunk.mask & bit_of(ref.task)) == 0) ++size_;
    chunk.mask |= bit_of(ref.task);
    if (chunk.priority != priority) {
      apart_[ref] = priority;
    } else if (!apart_.empty()) {
      apart_.erase(ref);
    }
  }

  /// False when it was not there.
  auto erase(TaskRef ref) -> bool {
    const auto first = first_of(ref.job);
    const auto at = locate(first, ref.task);
    if (at == kNoSlot || (chunks_[at].mask & bit_of(ref.task)) == 0) return false;
    chunks_[at].mask &= ~bit_of(ref.task);
    if (!apart_.empty()) apart_.erase(ref);
    --size_;
    if (chunks_[at].mask == 0) release(ref.job, first, at);
    return true;
  }

  /// How many there were.
  auto erase_job(JobId job) -> std::size_t {
    const auto first = first_of(job);
    if (first == kNoSlot) return 0;
    std::size_t count = 0;
    for (auto at = first; at != kNoSlot;) {
      const auto chunk = chunks_[at];
      count += static_cast<std::size_t>(std::popcount(chunk.mask));
      if (!apart_.empty()) forget_apart(job, chunk);
      if (at != first) others_.erase(key_of(first, chunk.number));
      chunks_.release(at);
      at = chunk.next;
    }
    forget_first(job);
    size_ -= count;
    return count;
  }

  auto clear() -> void { *this = TaskIndex{}; }

 private:
  struct Chunk {
    std::uint64_t mask = 0;        // of the tasks that are here; 0 only in a first chunk that leads to others
    std::uint32_t number = 0;      // TaskId::bits() / 64
    std::uint32_t next = kNoSlot;  // of the same job
    std::uint32_t previous = kNoSlot;
    PriorityClass priority = 0;
  };

  [[nodiscard]] static auto number_of(TaskId task) -> std::uint32_t { return task.bits() / 64; }
  [[nodiscard]] static auto bit_of(TaskId task) -> std::uint64_t {
    return std::uint64_t{1} << task.bits() % 64;
  }
  [[nodiscard]] static auto key_of(std::uint32_t first, std::uint32_t number) -> std::uint64_t {
    return std::uint64_t{first} << 32U | number;
  }

  /// The first chunk of the job. The same job is mostly asked for several times in a row.
  [[nodiscard]] auto first_of(JobId job) const -> std::uint32_t {
    if (recent_ == kNoSlot || recent_job_ != job) {
      recent_job_ = job;
      recent_ = first_.find(job.value);
    }
    return recent_;
  }

  /// The chunk that the task belongs to, given the first one of its job; kNoSlot where there is none.
  [[nodiscard]] auto locate(std::uint32_t first, TaskId task) const -> std::uint32_t {
    if (first == kNoSlot || chunks_[first].number == number_of(task)) return first;
    if (chunks_[first].next == kNoSlot) return kNoSlot;
    return others_.find(key_of(first, number_of(task)));
  }

  /// The same, made where there is none.
  auto make(TaskRef ref) -> std::uint32_t {
    const auto first = first_of(ref.job);
    if (const auto at = locate(first, ref.task); at != kNoSlot) return at;
    const auto number = number_of(ref.task);
    if (first == kNoSlot) {
      const auto at = chunks_.take({0, number, kNoSlot, kNoSlot, 0});
      first_.put(ref.job.value, at);
      return at;
    }
    if (chunks_[first].mask == 0) {
      chunks_[first].number = number;
      return first;
    }
    const auto second = chunks_[first].next;
    const auto at = chunks_.take({0, number, second, first, 0});
    if (second != kNoSlot) chunks_[second].previous = at;
    chunks_[first].next = at;
    others_.put(key_of(first, number), at);
    return at;
  }

  /// The chunk `at` has no task left.
  auto release(JobId job, std::uint32_t first, std::uint32_t at) -> void {
    if (at != first) {
      const auto chunk = chunks_[at];
      chunks_[chunk.previous].next = chunk.next;
      if (chunk.next != kNoSlot) chunks_[chunk.next].previous = chunk.previous;
      others_.erase(key_of(first, chunk.number));
      chunks_.release(at);
    }
    if (chunks_[first].mask != 0 || chunks_[first].next != kNoSlot) return;
    chunks_.release(first);
    forget_first(job);
  }

  auto forget_first(JobId job) -> void {
    first_.erase(job.value);
    recent_ = kNoSlot;
  }

  auto forget_apart(JobId job, const Chunk& chunk) -> void {
    for (auto mask = chunk.mask; mask != 0; mask &= mask - 1) {
      const auto bits = chunk.number * 64 + static_cast<std::uint32_t>(std::countr_zero(mask));
      apart_.erase({job, TaskId{bits}});
    }
  }

  Slab<Chunk> chunks_;
  SlotIndex first_;   // by job
  SlotIndex others_;  // by first chunk and number
  std::unordered_map<TaskRef, PriorityClass> apart_;
  mutable JobId recent_job_;
  mutable std::uint32_t recent_ = kNoSlot;  // of recent_job_
  std::size_t size_ = 0;
};

}  // namespace spider::inline v1::detail
