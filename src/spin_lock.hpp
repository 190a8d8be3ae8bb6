#pragma once

/// A lock for critical sections of a few dozen instructions. Meets *Lockable*.
///
/// Spins a bounded number of times, then yields the processor: the holder may have been preempted.
/// Test-and-test-and-set, after Anderson, "The Performance of Spin Lock Alternatives" (1990).

#include <atomic>
#include <thread>

namespace spider::inline v1::detail {

class SpinLock {
 public:
  SpinLock() = default;
  SpinLock(const SpinLock&) = delete;
  auto operator=(const SpinLock&) -> SpinLock& = delete;

  auto lock() noexcept -> void {
    if (locked_.exchange(true, std::memory_order_acquire)) [[unlikely]] {
      lock_when_free();
    }
  }
  [[nodiscard]] auto try_lock() noexcept -> bool {
    return !locked_.exchange(true, std::memory_order_acquire);
  }
  auto unlock() noexcept -> void { locked_.store(false, std::memory_order_release); }

 private:
  static constexpr int kSpins = 64;

  [[gnu::noinline]] auto lock_when_free() noexcept -> void {
    do wait_until_free();
    while (locked_.exchange(true, std::memory_order_acquire));
  }

  auto wait_until_free() const noexcept -> void {
    for (int spins = 0; locked_.load(std::memory_order_relaxed); ++spins) {
      if (spins < kSpins) {
        pause();
      } else {
        std::this_thread::yield();
      }
    }
  }

  static auto pause() noexcept -> void {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#endif
  }

  std::atomic<bool> locked_{false};
};

}  // namespace spider::inline v1::detail
