#include "sqlite/connection.hpp"

#include <algorithm>
#include <cassert>
#include <thread>

namespace spider::inline v1::detail {

Connection::~Connection() {
  for (const auto& [sql, statement] : statements_) sqlite3_finalize(statement);
  sqlite3_close(handle_);
}

auto Connection::wait_while_busy(std::chrono::milliseconds timeout) -> void {
  busy_timeout_ = timeout;
  sqlite3_busy_handler(handle_, keep_waiting, this);
}

auto Connection::keep_waiting(void* self, int times) -> int {
  constexpr std::chrono::microseconds kFirstRest{100};
  constexpr int kDoublings = 5;
  auto& connection = *static_cast<Connection*>(self);
  const auto now = std::chrono::steady_clock::now();
  if (times == 0) connection.waiting_since_ = now;
  if (now - connection.waiting_since_ >= connection.busy_timeout_) return 0;
  std::this_thread::sleep_for(kFirstRest * (1 << std::min(times, kDoublings)));
  return 1;
}

auto Connection::prepared(const char* sql) -> sqlite3_stmt* {
  auto& statement = statements_[sql];
  if (statement == nullptr) {
    check(sqlite3_prepare_v3(handle_, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr));
  }
  assert(sqlite3_stmt_busy(statement) == 0);
  return statement;
}

auto Connection::fail(int code) -> void { throw SqlFailure{code, sqlite3_errmsg(handle_)}; }

auto Connection::finish(sqlite3_stmt* statement) -> void {
  auto code = sqlite3_step(statement);
  while (code == SQLITE_ROW) code = sqlite3_step(statement);
  if (code == SQLITE_DONE) code = sqlite3_reset(statement);
  if (code == SQLITE_OK) return;
  SqlFailure failure{code, sqlite3_errmsg(handle_)};
  sqlite3_reset(statement);
  throw failure;
}

auto Connection::execute(const char* script) -> void {
  check(sqlite3_exec(handle_, script, nullptr, nullptr, nullptr));
}

auto Rows::next() -> bool {
  const auto code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code != SQLITE_DONE) connection_.fail(code);
  return false;
}

auto Rows::text(int column) const -> std::string {
  const auto* data = static_cast<const char*>(sqlite3_column_blob(statement_, column));
  if (data == nullptr) return {};
  return {data, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

}  // namespace spider::inline v1::detail
