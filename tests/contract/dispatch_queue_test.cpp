#include "spider/dispatch_channel.hpp"
#include "spider/testing/dispatch_queue_suite.hpp"

#include <gtest/gtest.h>

#include <utility>

namespace spider {
namespace {

auto open_channel(testing::DispatchQueueSetup setup, Clock& clock) -> Result<testing::DispatchQueueHalves> {
  auto channel = make_dispatch_channel({.capacity = setup.capacity, .session = setup.session}, clock);
  if (!channel) return channel.error();
  return testing::DispatchQueueHalves{std::move(channel.value().sink), std::move(channel.value().source)};
}

using testing::DispatchQueueSuite;
INSTANTIATE_TEST_SUITE_P(DispatchChannel, DispatchQueueSuite, testing::dispatch_queue_cases(open_channel),
                         testing::dispatch_queue_case_name);

}  // namespace
}  // namespace spider
