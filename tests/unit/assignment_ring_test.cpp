// The ring of a dispatch channel: runs of assignments over the ends of its blocks, and their memory.

#include "assignment_ring.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <vector>

namespace spider::detail {
namespace {

constexpr std::size_t kBlock = AssignmentRing::kBlockItemsMax;

auto run_from(std::uint64_t first, std::size_t count) -> std::vector<TaskAssignment> {
  std::vector<TaskAssignment> items(count);
  for (auto& item : items) item.id = AssignmentId{first++};
  return items;
}

auto loaded(const AssignmentRing& ring, std::uint64_t position, std::size_t count)
    -> std::vector<std::uint64_t> {
  std::vector<TaskAssignment> items;
  items.reserve(count);
  ring.load(position, count, items);
  std::vector<std::uint64_t> ids;
  for (const auto& item : items) ids.push_back(item.id.value);
  return ids;
}

TEST(AssignmentRing, RunsGoOverTheEndsOfBlocksAndOfTheRing) {
  AssignmentRing ring{4 * kBlock, *std::pmr::new_delete_resource()};
  for (std::uint64_t position = 0; position < 20 * kBlock; position += kBlock + 100) {
    const auto items = run_from(position, 2 * kBlock);
    ASSERT_EQ(ring.reserve(position, items.size()), items.size());
    ring.store(position, items);
    const auto ids = loaded(ring, position, items.size());
    ASSERT_EQ(ids.size(), items.size());
    for (std::size_t at = 0; at < ids.size(); ++at) ASSERT_EQ(ids[at], position + at);
  }
}

TEST(AssignmentRing, RunsAndSingleItemsMeet) {
  AssignmentRing ring{2 * kBlock, *std::pmr::new_delete_resource()};
  ASSERT_EQ(ring.reserve(kBlock - 2, 4), 4U);
  for (const auto& item : run_from(kBlock - 2, 4)) ring.store(item.id.value, item);
  EXPECT_EQ(loaded(ring, kBlock - 2, 4), (std::vector<std::uint64_t>{510, 511, 512, 513}));
  ring.store(kBlock - 1, run_from(7, 2));
  TaskAssignment item;
  ring.load(kBlock, item);
  EXPECT_EQ(item.id, AssignmentId{8});
}

TEST(AssignmentRing, ReservesAsMuchAsThereIsMemoryFor) {
  std::array<std::byte, (kBlock + 1) * sizeof(TaskAssignment)> bytes{};
  std::pmr::monotonic_buffer_resource memory{bytes.data(), bytes.size(), std::pmr::null_memory_resource()};
  AssignmentRing ring{4 * kBlock, memory};
  EXPECT_FALSE(ring.holds(10));
  EXPECT_EQ(ring.reserve(10, 2 * kBlock), kBlock - 10);
  EXPECT_TRUE(ring.holds(kBlock - 1));
  EXPECT_FALSE(ring.holds(kBlock));
  EXPECT_EQ(ring.reserve(kBlock, 1), 0U);
}

}  // namespace
}  // namespace spider::detail
