#pragma once

/// All that a durable worker pool does inside a transaction, on the writer's thread. Throws `SqlFailure`.
/// A worker is idle, claimed or dead: what is between claimed and idle is within a transaction.

#include "spider/storage/sqlite_worker_pool.hpp"
#include "sqlite/connection.hpp"

#include <optional>
#include <string>
#include <vector>

namespace spider::inline v1::detail {

class PoolRows {
 public:
  PoolRows(Connection& file, const SqliteWorkerPoolOptions& options, TimePoint now)
      : file_{file}, options_{options}, now_{now} {}

  /// Creates the tables where there are none. Errors: `SqliteErrc::newer_schema`.
  static auto set_up(Connection& file) -> Result<void>;

  [[nodiscard]] auto add(const WorkerInfo& info) -> Result<void>;
  [[nodiscard]] auto remove(WorkerId worker) -> Result<void>;
  /// The request has been checked.
  [[nodiscard]] auto claim(const ClaimRequest& request) -> Result<std::optional<Claim>>;
  /// The pool that has an idle worker more; empty when none has.
  [[nodiscard]] auto release(const Claim& claim) -> Result<std::string>;
  [[nodiscard]] auto renew(const Claim& claim) -> Result<void>;
  struct Swept {
    PoolSweep report;
    std::vector<std::string> pools;  ///< that have idle workers more
  };
  [[nodiscard]] auto sweep(TimePoint now, std::size_t limit) -> Result<Swept>;
  [[nodiscard]] auto count() -> Result<WorkerCounts>;

 private:
  enum class State : std::uint8_t { idle, claimed, dead };
  struct Row {
    WorkerId worker;
    std::int64_t pool = 0;
    State state = State::idle;
    std::uint64_t epoch = 0;
    ClaimantId owner;
    TimePoint lease_until{};
  };

  auto number(const char* query) -> std::uint64_t;
  auto find_pool(const std::string& name) -> std::optional<std::int64_t>;
  auto enter_pool(const std::string& name) -> Result<std::int64_t>;
  auto name_of(std::int64_t pool) -> std::string;
  auto find(WorkerId worker) -> std::optional<Row>;
  static auto read(const Rows& rows) -> Row;
  auto last_of(std::int64_t pool, ActorId actor) -> std::optional<Row>;
  auto any_idle(std::int64_t pool) -> std::optional<Row>;
  /// The row of the claim's worker, if the claim is its present one, or the one that ended last.
  auto held_by(const Claim& claim) -> Result<Row>;
  auto bring_home(const Row& row, std::uint64_t epoch) -> void;
  auto strike(const Row& row) -> void;
  auto sweep_one(const Row& row, TimePoint now, Swept& swept) -> void;
  [[nodiscard]] auto actor_slot(ActorId actor) const -> std::uint64_t {
    return mix64(actor.value) % options_.actors_remembered;
  }

  Connection& file_;
  const SqliteWorkerPoolOptions& options_;
  TimePoint now_;
};

}  // namespace spider::inline v1::detail
