#pragma once

/// A ring of elements that carry their own link: appending, removing and rotating are O(1) and
/// allocate nothing. Not thread-safe. An element stands in at most one ring, and outlives its stay.

#include <cassert>
#include <utility>

namespace spider::inline v1::detail {

template <class T>
struct RingLink {
  T* before = nullptr;
  T* after = nullptr;
  bool linked = false;
};

/// `T` has a member `RingLink<T> link`.
template <class T>
class Ring {
 public:
  [[nodiscard]] auto empty() const noexcept -> bool { return front_ == nullptr; }
  [[nodiscard]] auto front() const noexcept -> T& { return *front_; }

  auto push_back(T& element) noexcept -> void {
    assert(!element.link.linked);
    element.link = {back_, nullptr, true};
    (back_ == nullptr ? front_ : back_->link.after) = &element;
    back_ = &element;
  }

  auto remove(T& element) noexcept -> void {
    assert(element.link.linked);
    auto& [before, after, linked] = element.link;
    (before == nullptr ? front_ : before->link.after) = after;
    (after == nullptr ? back_ : after->link.before) = before;
    element.link = {};
  }

  class Iterator {
   public:
    explicit Iterator(const T* at) : at_{at} {}
    auto operator*() const -> const T& { return *at_; }
    auto operator++() -> Iterator& {
      at_ = at_->link.after;
      return *this;
    }
    friend auto operator==(Iterator, Iterator) -> bool = default;

   private:
    const T* at_;
  };
  [[nodiscard]] auto begin() const -> Iterator { return Iterator{front_}; }
  [[nodiscard]] auto end() const -> Iterator { return Iterator{nullptr}; }

  /// Moves all elements of `other` to the front, in their order. O(1).
  auto prepend(Ring& other) noexcept -> void {
    other.append(*this);
    std::swap(*this, other);
  }

  /// Moves all elements of `other` to the back, in their order. O(1).
  auto append(Ring& other) noexcept -> void {
    if (other.empty()) return;
    other.front_->link.before = back_;
    (back_ == nullptr ? front_ : back_->link.after) = other.front_;
    back_ = other.back_;
    other.front_ = other.back_ = nullptr;
  }

 private:
  T* front_ = nullptr;
  T* back_ = nullptr;
};

}  // namespace spider::inline v1::detail
