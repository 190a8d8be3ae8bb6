#include "local_execution_manager/bell.hpp"

#include "spider/async.hpp"

#include <gtest/gtest.h>

#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include <memory>
#include <utility>

namespace spider::inline v1::detail {
namespace {

auto count_rings(std::shared_ptr<Bell> bell, std::shared_ptr<int> rings) -> asio::awaitable<void> {
  while (true) {
    auto waiting = bell->wait();
    co_await std::move(waiting);
    ++*rings;
  }
}

struct Tower {
  Tower() {
    asio::co_spawn(context, count_rings(bell, rings), asio::detached);
    context.poll();
  }
  asio::io_context context{1};
  std::shared_ptr<Bell> bell = std::make_shared<Bell>();
  std::shared_ptr<int> rings = std::make_shared<int>(0);
};

TEST(Bell, RunsWhoWaitsWithinTheCall) {
  Tower tower;
  EXPECT_EQ(*tower.rings, 0);
  asio::post(tower.context, [&] {
    tower.bell->ring();
    EXPECT_EQ(*tower.rings, 1);
    tower.bell->ring();
    EXPECT_EQ(*tower.rings, 2) << "it waits again";
  });
  tower.context.restart();
  EXPECT_EQ(tower.context.poll(), 1U) << "nothing was posted";
}

TEST(Bell, RungForNobodyIsForgotten) {
  asio::io_context context{1};
  const auto bell = std::make_shared<Bell>();
  bell->ring();
  const auto rings = std::make_shared<int>(0);
  asio::co_spawn(context, count_rings(bell, rings), asio::detached);
  context.poll();
  EXPECT_EQ(*rings, 0);
}

TEST(Bell, ContextMayDieBeforeIt) {
  std::shared_ptr<Bell> bell;
  std::weak_ptr<int> rings;
  {
    const Tower tower;
    bell = tower.bell;
    rings = tower.rings;
  }
  EXPECT_TRUE(rings.expired()) << "the coroutine went with its context";
  bell->ring();
}

}  // namespace
}  // namespace spider::inline v1::detail
