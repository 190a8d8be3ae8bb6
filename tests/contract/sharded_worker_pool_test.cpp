// The pool of one process, held to the contract of worker pools.

#include "spider/sharded_worker_pool.hpp"
#include "spider/testing/worker_pool_suite.hpp"

#include <gtest/gtest.h>

#include <utility>

namespace spider {
namespace {

auto open_sharded(const testing::WorkerPoolSetup& setup) -> Result<std::unique_ptr<WorkerPool>> {
  ShardedWorkerPoolOptions options;
  options.limits = setup.limits;
  SPIDER_TRY(auto pool, make_sharded_worker_pool(std::move(options), setup.clock));
  return std::unique_ptr<WorkerPool>{std::move(pool)};
}

using testing::WorkerPoolSuite;
INSTANTIATE_TEST_SUITE_P(Sharded, WorkerPoolSuite, testing::worker_pool_cases(open_sharded),
                         testing::worker_pool_case_name);

}  // namespace
}  // namespace spider
