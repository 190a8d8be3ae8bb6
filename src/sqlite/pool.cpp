// The durable worker pool: PoolRows behind the storage's writer, and a line for the claims that wait.

#include "sharded_worker_pool/claim_line.hpp"
#include "spider/storage/sqlite_worker_pool.hpp"
#include "sqlite/pool_rows.hpp"
#include "sqlite/schema.hpp"
#include "sqlite/writer.hpp"
#include "worker_pool_checks.hpp"

#include <algorithm>
#include <map>
#include <mutex>
#include <utility>

namespace spider {
inline namespace v1 {

namespace {

using detail::ClaimLine;
using detail::PlaceInLine;
using detail::PoolRows;
using detail::SqliteState;
using detail::Writer;

/// What the pool and its waiting claims share.
struct SharedPool {
  SharedPool(std::shared_ptr<Writer> file_writer, SqliteWorkerPoolOptions chosen, Clock& time)
      : writer{std::move(file_writer)}, options{std::move(chosen)}, clock{time} {}

  /// The line of a pool; null while nobody has waited for it.
  auto find_line(const std::string& pool) -> ClaimLine* {
    const std::scoped_lock lock{mutex};
    const auto found = lines.find(pool);
    return found == lines.end() ? nullptr : &found->second;
  }
  auto line_of(const std::string& pool) -> ClaimLine& {
    const std::scoped_lock lock{mutex};
    auto& line = lines.try_emplace(pool, options.limits.waiting_max).first->second;
    if (closed) line.close();
    return line;
  }
  auto wake(const std::string& pool) -> void {
    if (auto* line = find_line(pool)) line->wake_first();
  }
  auto close() -> void {
    const std::scoped_lock lock{mutex};
    closed = true;
    for (auto& [name, line] : lines) line.close();
  }

  const std::shared_ptr<Writer> writer;
  const SqliteWorkerPoolOptions options;
  Clock& clock;
  std::mutex mutex;
  std::map<std::string, ClaimLine> lines;  // of known pools, so at most pools_max
  bool closed = false;
};
using SharedPtr = std::shared_ptr<SharedPool>;

/// `work(PoolRows&) -> Result<T>` in a transaction. A plain function: its closure must not stand in one
/// expression with a `co_await`.
template <class T, class F>
auto in_transaction(SharedPtr shared, F work) -> Async<T> {
  auto writer = shared->writer;
  return detail::ask<T>(
      std::move(writer),
      [shared = std::move(shared), work = std::move(work)](SqliteState& state) -> Result<T> {
        PoolRows rows{state.connection(), shared->options, shared->clock.now()};
        return work(rows);
      });
}

auto claim_once(SharedPtr shared, std::shared_ptr<const ClaimRequest> request)
    -> Async<std::optional<Claim>> {
  return in_transaction<std::optional<Claim>>(
      std::move(shared), [request = std::move(request)](PoolRows& rows) { return rows.claim(*request); });
}

// Only the head of the line looks, when it is woken and, for what other processes do, every peek_interval.
auto claim_in_line(SharedPtr shared, std::shared_ptr<const ClaimRequest> request)
    -> Async<std::optional<Claim>> {
  const auto until = saturating_add(shared->clock.now(), request->wait);
  PlaceInLine place{shared, shared->line_of(request->pool), shared->clock};
  if (!place.joined()) co_return Error{Errc::limit_exceeded, "waiting_max"};
  while (true) {
    const auto ticket = place.ticket();
    auto again = until;
    if (place.is_first()) {
      const auto claimed = co_await claim_once(shared, request);
      if (!claimed || claimed.value()) co_return claimed;
      again = std::min(until, saturating_add(shared->clock.now(), shared->options.peek_interval));
    }
    const auto woken = co_await place.wait(ticket, again);
    if (woken || (woken.error() == Errc::timed_out && again < until)) continue;
    if (woken.error() == Errc::timed_out) co_return std::optional<Claim>{};
    co_return woken.error();
  }
}

auto claim_worker(SharedPtr shared, ClaimRequest asked) -> Async<std::optional<Claim>> {
  const auto stop = co_await cancelled();
  if (stop) co_return Errc::cancelled;
  SPIDER_CO_TRY(detail::check_request(asked, shared->options.limits));
  const auto request = std::make_shared<const ClaimRequest>(std::move(asked));
  const auto* line = shared->find_line(request->pool);
  const bool in_line = line != nullptr && line->occupied();
  if (!in_line) {
    const auto claimed = co_await claim_once(shared, request);
    if (!claimed || claimed.value() || request->wait <= Duration::zero()) co_return claimed;
  }
  if (request->wait <= Duration::zero()) co_return std::optional<Claim>{};
  co_return co_await claim_in_line(shared, request);
}

auto add_worker(SharedPtr shared, WorkerInfo info) -> Async<void> {
  const auto pool = info.pool;
  auto adding =
      in_transaction<void>(shared, [info = std::move(info)](PoolRows& rows) { return rows.add(info); });
  auto added = co_await std::move(adding);
  if (added) shared->wake(pool);
  co_return added;
}

auto release_worker(SharedPtr shared, Claim claim) -> Async<void> {
  auto releasing =
      in_transaction<std::string>(shared, [claim](PoolRows& rows) { return rows.release(claim); });
  const auto released = co_await std::move(releasing);
  if (!released) co_return released.error();
  shared->wake(released.value());
  co_return success();
}

auto sweep_workers(SharedPtr shared, TimePoint now, std::size_t limit) -> Async<PoolSweep> {
  auto sweeping = in_transaction<PoolRows::Swept>(
      shared, [now, limit](PoolRows& rows) { return rows.sweep(now, limit); });
  const auto swept = co_await std::move(sweeping);
  if (!swept) co_return swept.error();
  for (const auto& pool : swept.value().pools) shared->wake(pool);
  co_return swept.value().report;
}

class SqliteWorkerPool final : public WorkerPool {
 public:
  explicit SqliteWorkerPool(SharedPtr shared) : shared_{std::move(shared)} {}
  ~SqliteWorkerPool() override {
    shared_->close();
    shared_->writer->stop();
  }

  auto add(WorkerInfo worker) -> Async<void> override { return add_worker(shared_, std::move(worker)); }
  auto remove(WorkerId worker) -> Async<void> override {
    return in_transaction<void>(shared_, [worker](PoolRows& rows) { return rows.remove(worker); });
  }
  auto claim(ClaimRequest request) -> Async<std::optional<Claim>> override {
    return claim_worker(shared_, std::move(request));
  }
  auto release(Claim claim) -> Async<void> override { return release_worker(shared_, claim); }
  auto renew(Claim claim) -> Async<void> override {
    return in_transaction<void>(shared_, [claim](PoolRows& rows) { return rows.renew(claim); });
  }
  auto sweep(TimePoint now, std::size_t limit) -> Async<PoolSweep> override {
    return sweep_workers(shared_, now, limit);
  }
  auto count() -> Async<WorkerCounts> override {
    return in_transaction<WorkerCounts>(shared_, [](PoolRows& rows) { return rows.count(); });
  }

 private:
  SharedPtr shared_;
};

auto find_fault(const SqliteWorkerPoolOptions& options) -> const char* {
  if (const auto* fault = detail::find_fault(options.limits)) return fault;
  if (options.actors_remembered == 0 || options.actors_remembered > (1U << 24U))
    return "actors_remembered is not in 1 … 2^24";
  if (options.peek_interval <= Duration::zero()) return "peek_interval is not positive";
  return nullptr;
}

auto set_up_pool(detail::Connection& file, const std::string& path) -> Result<void> {
  try {
    return PoolRows::set_up(file);
  } catch (const detail::SqlFailure& failure) {
    return detail::refusal(failure, path);
  }
}

}  // namespace

auto open_sqlite_worker_pool(SqliteWorkerPoolOptions options, Clock& clock)
    -> Result<std::unique_ptr<WorkerPool>> {
  if (const auto* fault = find_fault(options)) {
    return Error{Errc::invalid_argument, std::string{"worker pool: "} + fault};
  }
  SPIDER_TRY(auto file, detail::open_file(options.file));
  SPIDER_TRY(set_up_pool(*file, options.file.path));
  auto state = std::make_unique<SqliteState>(std::move(file), options.file, clock);
  auto writer = std::make_shared<Writer>(std::move(state));
  writer->start();
  auto shared = std::make_shared<SharedPool>(std::move(writer), std::move(options), clock);
  return std::unique_ptr<WorkerPool>{std::make_unique<SqliteWorkerPool>(std::move(shared))};
}

}  // namespace v1
}  // namespace spider
