#pragma once

/// Orders of small numbers (slots), kept in arrays of their owner: nothing here allocates per element
/// in steady state, and an element is removed from the middle in O(1) or O(log n).

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace spider::inline v1::detail {

inline constexpr std::uint32_t kNoSlot = 0xffff'ffffU;

struct SlotLinks {
  std::uint32_t previous = kNoSlot;
  std::uint32_t next = kNoSlot;
};

/// A doubly linked list. `links(slot)` gives the slot's SlotLinks, which belong to this list while the
/// slot is in it.
class SlotList {
 public:
  [[nodiscard]] auto empty() const noexcept -> bool { return first_ == kNoSlot; }
  [[nodiscard]] auto front() const noexcept -> std::uint32_t { return first_; }
  [[nodiscard]] auto back() const noexcept -> std::uint32_t { return last_; }
  [[nodiscard]] auto size() const noexcept -> std::size_t { return size_; }

  template <class Links>
  auto push_back(std::uint32_t slot, const Links& links) -> void {
    links(slot) = SlotLinks{last_, kNoSlot};
    (last_ == kNoSlot ? first_ : links(last_).next) = slot;
    last_ = slot;
    ++size_;
  }

  template <class Links>
  auto erase(std::uint32_t slot, const Links& links) -> void {
    const SlotLinks at = links(slot);
    (at.previous == kNoSlot ? first_ : links(at.previous).next) = at.next;
    (at.next == kNoSlot ? last_ : links(at.next).previous) = at.previous;
    --size_;
  }

  template <class Links>
  auto pop_front(const Links& links) -> std::uint32_t {
    const auto slot = first_;
    erase(slot, links);
    return slot;
  }

  auto clear() noexcept -> void { *this = SlotList{}; }

 private:
  std::uint32_t first_ = kNoSlot;
  std::uint32_t last_ = kNoSlot;
  std::uint32_t size_ = 0;
};

/// A binary min-heap from which any element can be removed. `Order` has `before(slot, slot)`, a strict
/// total order, and `position(slot)`, a reference to a number that belongs to this heap.
class SlotHeap {
 public:
  [[nodiscard]] auto empty() const noexcept -> bool { return slots_.empty(); }
  [[nodiscard]] auto top() const -> std::uint32_t { return slots_.front(); }
  auto clear() noexcept -> void { slots_.clear(); }

  template <class Order>
  auto push(std::uint32_t slot, const Order& order) -> void {
    slots_.push_back(slot);
    rise(slots_.size() - 1, order);
  }

  template <class Order>
  auto erase(std::uint32_t slot, const Order& order) -> void {
    const std::size_t hole = order.position(slot);
    const auto last = slots_.back();
    slots_.pop_back();
    if (hole == slots_.size()) return;
    slots_[hole] = last;
    rise(hole, order);
    sink(order.position(last), order);
  }

 private:
  template <class Order>
  auto rise(std::size_t at, const Order& order) -> void {
    const auto slot = slots_[at];
    for (; at > 0 && order.before(slot, slots_[(at - 1) / 2]); at = (at - 1) / 2) {
      put(slots_[(at - 1) / 2], at, order);
    }
    put(slot, at, order);
  }

  template <class Order>
  auto sink(std::size_t at, const Order& order) -> void {
    const auto slot = slots_[at];
    for (auto child = 2 * at + 1; child < slots_.size(); child = 2 * at + 1) {
      if (child + 1 < slots_.size() && order.before(slots_[child + 1], slots_[child])) ++child;
      if (!order.before(slots_[child], slot)) break;
      put(slots_[child], at, order);
      at = child;
    }
    put(slot, at, order);
  }

  template <class Order>
  auto put(std::uint32_t slot, std::size_t at, const Order& order) -> void {
    slots_[at] = slot;
    order.position(slot) = static_cast<std::uint32_t>(at);
  }

  std::vector<std::uint32_t> slots_;
};

}  // namespace spider::inline v1::detail
