#pragma once

/// An ordered sequence of slots that counts: a treap whose nodes belong to the owner's records. The first
/// in O(1), insertion, removal and a change of a slot's count in O(log slots) expected, and the sum of
/// the counts before a slot likewise. Priorities are mixed from the slot numbers, so equal calls give
/// equal trees.

#include "policies/slot_lists.hpp"
#include "spider/types.hpp"

#include <cstdint>

namespace spider::inline v1::detail {

struct SlotNode {
  std::uint32_t parent = kNoSlot;
  std::uint32_t left = kNoSlot;
  std::uint32_t right = kNoSlot;
  std::uint32_t count = 0;  // of this slot
  std::uint64_t total = 0;  // of this slot and all below
};

/// `Order` has `before(slot, slot)`, a strict total order, and `node(slot)`, a reference to the SlotNode
/// that belongs to this tree while the slot is in it.
class SlotTree {
 public:
  [[nodiscard]] auto empty() const noexcept -> bool { return root_ == kNoSlot; }
  [[nodiscard]] auto front() const noexcept -> std::uint32_t { return first_; }
  auto clear() noexcept -> void { *this = SlotTree{}; }

  /// With a count of 0.
  template <class Order>
  auto insert(std::uint32_t slot, const Order& order) -> void {
    order.node(slot) = SlotNode{};
    if (root_ == kNoSlot) {
      root_ = first_ = last_ = slot;
      return;
    }
    if (order.before(last_, slot)) {
      attach(slot, last_, false, order);
      last_ = slot;
    } else {
      descend(slot, order);
    }
    while (order.node(slot).parent != kNoSlot && priority(order.node(slot).parent) < priority(slot)) {
      rotate_up(slot, order);
    }
  }

  template <class Order>
  auto erase(std::uint32_t slot, const Order& order) -> void {
    add(slot, 0U - order.node(slot).count, order);
    if (slot == first_) first_ = after(slot, order);
    if (slot == last_) last_ = before(slot, order);
    while (order.node(slot).left != kNoSlot && order.node(slot).right != kNoSlot) {
      const auto left = order.node(slot).left;
      const auto right = order.node(slot).right;
      rotate_up(priority(left) < priority(right) ? right : left, order);
    }
    const auto& node = order.node(slot);
    replace(slot, node.left != kNoSlot ? node.left : node.right, order);
  }

  /// Changes the slot's count; `delta` is added modulo 2^32.
  template <class Order>
  auto add(std::uint32_t slot, std::uint32_t delta, const Order& order) -> void {
    order.node(slot).count += delta;
    const auto wide = static_cast<std::uint64_t>(static_cast<std::int32_t>(delta));
    for (auto at = slot; at != kNoSlot; at = order.node(at).parent) order.node(at).total += wide;
  }

  /// The sum of the counts of all slots before this one.
  template <class Order>
  [[nodiscard]] auto sum_before(std::uint32_t slot, const Order& order) const -> std::uint64_t {
    auto sum = total_of(order.node(slot).left, order);
    for (auto at = slot; order.node(at).parent != kNoSlot; at = order.node(at).parent) {
      const auto parent = order.node(at).parent;
      if (order.node(parent).right != at) continue;
      sum += total_of(order.node(parent).left, order) + order.node(parent).count;
    }
    return sum;
  }

  /// The next slot in order, or `kNoSlot`.
  template <class Order>
  [[nodiscard]] auto after(std::uint32_t slot, const Order& order) const -> std::uint32_t {
    auto at = order.node(slot).right;
    if (at != kNoSlot) {
      while (order.node(at).left != kNoSlot) at = order.node(at).left;
      return at;
    }
    for (at = order.node(slot).parent; at != kNoSlot && order.node(at).right == slot;) {
      slot = at;
      at = order.node(at).parent;
    }
    return at;
  }

 private:
  static auto priority(std::uint32_t slot) -> std::uint64_t { return mix64(slot); }

  template <class Order>
  static auto total_of(std::uint32_t slot, const Order& order) -> std::uint64_t {
    return slot == kNoSlot ? 0 : order.node(slot).total;
  }

  template <class Order>
  [[nodiscard]] auto before(std::uint32_t slot, const Order& order) const -> std::uint32_t {
    auto at = order.node(slot).left;
    if (at == kNoSlot) return order.node(slot).parent;  // the last one is nobody's left child
    while (order.node(at).right != kNoSlot) at = order.node(at).right;
    return at;
  }

  template <class Order>
  auto descend(std::uint32_t slot, const Order& order) -> void {
    for (auto at = root_;;) {
      const auto left = order.before(slot, at);
      const auto next = left ? order.node(at).left : order.node(at).right;
      if (next != kNoSlot) {
        at = next;
        continue;
      }
      attach(slot, at, left, order);
      if (left && at == first_) first_ = slot;
      return;
    }
  }

  template <class Order>
  static auto attach(std::uint32_t slot, std::uint32_t parent, bool left, const Order& order) -> void {
    (left ? order.node(parent).left : order.node(parent).right) = slot;
    order.node(slot).parent = parent;
  }

  /// Puts `by`, which may be none, where `slot` stands.
  template <class Order>
  auto replace(std::uint32_t slot, std::uint32_t by, const Order& order) -> void {
    const auto parent = order.node(slot).parent;
    if (by != kNoSlot) order.node(by).parent = parent;
    if (parent == kNoSlot) {
      root_ = by;
    } else {
      (order.node(parent).left == slot ? order.node(parent).left : order.node(parent).right) = by;
    }
  }

  template <class Order>
  auto rotate_up(std::uint32_t slot, const Order& order) -> void {
    const auto parent = order.node(slot).parent;
    auto& low = order.node(slot);
    auto& high = order.node(parent);
    const auto was_left = high.left == slot;
    const auto moved = was_left ? low.right : low.left;
    replace(parent, slot, order);
    (was_left ? high.left : high.right) = moved;
    if (moved != kNoSlot) order.node(moved).parent = parent;
    (was_left ? low.right : low.left) = parent;
    high.parent = slot;
    low.total = high.total;
    high.total = total_of(high.left, order) + total_of(high.right, order) + high.count;
  }

  std::uint32_t root_ = kNoSlot;
  std::uint32_t first_ = kNoSlot;
  std::uint32_t last_ = kNoSlot;
};

}  // namespace spider::inline v1::detail
