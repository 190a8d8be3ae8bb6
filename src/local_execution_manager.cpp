#include "spider/local_execution_manager.hpp"

#include "local_execution_manager/manager_state.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <cassert>
#include <random>
#include <thread>
#include <utility>

namespace spider {
inline namespace v1 {

namespace {

constexpr std::size_t kSlotsMax = 1'000'000;
constexpr std::size_t kThreadsMax = 1'024;
constexpr std::size_t kDefaultThreadsMax = 64;

auto check(const LocalExecutionManagerOptions& options) -> Result<void> {
  const auto refuse = [](std::string detail) { return Error{Errc::invalid_argument, std::move(detail)}; };
  if (options.slots == 0 || options.slots > kSlotsMax) return refuse("slots is not 1 … 1,000,000");
  if (options.threads > kThreadsMax) return refuse("threads is over 1,024");
  if (options.batch == 0) return refuse("batch is 0");
  if (options.heartbeat_interval <= Duration::zero()) return refuse("heartbeat_interval is not positive");
  if (options.poll_wait <= Duration::zero()) return refuse("poll_wait is not positive");
  if (options.release_delay < Duration::zero()) return refuse("release_delay is negative");
  if (options.backoff_first <= Duration::zero() || options.backoff_max < options.backoff_first) {
    return refuse("backoff_first is not positive, or backoff_max below it");
  }
  return success();
}

auto random_id() -> ManagerId {
  std::random_device device;

  return ManagerId{(std::uint64_t{device()} << 32U | device()) | 1U};
}

/// Awaits `work` on `executor`; a cancellation of the caller does not reach it.
template <class T>
auto join(asio::any_io_executor executor, Async<T> work) -> Async<T> {
  return asio::co_spawn(std::move(executor), rooted(std::move(work)),
                        asio::bind_cancellation_slot(asio::cancellation_slot{}, asio::use_awaitable));
}

}  // namespace

auto LocalExecutionManager::make(asio::any_io_executor executor, Parts parts, Handlers handlers,
                                 LocalExecutionManagerOptions options)
    -> Result<std::unique_ptr<LocalExecutionManager>> {
  if (handlers.error()) return *handlers.error();
  SPIDER_TRY(check(options));
  if (!options.id) options.id = random_id();
  return std::unique_ptr<LocalExecutionManager>{
      new LocalExecutionManager{std::move(executor), parts, std::move(handlers), std::move(options)}};
}

LocalExecutionManager::LocalExecutionManager(asio::any_io_executor executor, Parts parts, Handlers handlers,
                                             LocalExecutionManagerOptions options) {
  const auto threads = options.threads.value_or(std::min(options.slots, kDefaultThreadsMax));
  auto plain_executor = executor;
  std::size_t loops = std::max(std::thread::hardware_concurrency(), 1U);
  if (threads > 0) {
    pool_ = std::make_unique<asio::thread_pool>(threads);
    plain_executor = pool_->get_executor();
    loops = threads;
  }
  state_ = std::make_unique<detail::ManagerState>(std::move(executor), std::move(plain_executor), loops,
                                                  parts, std::move(handlers), std::move(options));
}

LocalExecutionManager::~LocalExecutionManager() {
  if (pool_) pool_->join();
}

auto LocalExecutionManager::id() const noexcept -> ManagerId { return state_->id(); }

auto LocalExecutionManager::run() -> Async<void> {
  const auto too_late = co_await cancelled();
  if (too_late) co_return Errc::cancelled;
  const auto cancellation = co_await asio::this_coro::cancellation_state;
  auto slot = cancellation.slot();
  if (slot.is_connected()) {
    slot.assign([mailbox = state_->mailbox()](asio::cancellation_type) { mailbox->please_stop(); });
  }
  auto ended = co_await join(state_->strand(), state_->main());
  slot.clear();
  co_return ended;
}

auto LocalExecutionManager::stop(StopMode mode, Duration timeout) -> Async<StopReport> {
  return join(state_->strand(), state_->stop(mode, timeout));
}

}  // namespace v1
}  // namespace spider
