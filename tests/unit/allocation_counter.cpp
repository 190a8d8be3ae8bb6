#include "unit/allocation_counter.hpp"

#include <cstdlib>
#include <new>

namespace {
thread_local spider::testing::Allocations counted;
}  // namespace

auto operator new(std::size_t bytes) -> void* {
  ++counted.objects;
  if (auto* const memory = std::malloc(bytes == 0 ? 1 : bytes)) return memory;
  throw std::bad_alloc{};
}
auto operator new(std::size_t bytes, const std::nothrow_t&) noexcept -> void* {
  ++counted.objects;
  return std::malloc(bytes == 0 ? 1 : bytes);
}
auto operator delete(void* memory) noexcept -> void { std::free(memory); }
auto operator delete(void* memory, std::size_t) noexcept -> void { std::free(memory); }

extern "C" auto aligned_alloc(std::size_t alignment, std::size_t bytes) noexcept -> void* {
  ++counted.frames;
  void* memory = nullptr;
  return posix_memalign(&memory, alignment, bytes) == 0 ? memory : nullptr;
}

namespace spider::inline v1::testing {

auto allocations() -> Allocations { return counted; }

}  // namespace spider::inline v1::testing
