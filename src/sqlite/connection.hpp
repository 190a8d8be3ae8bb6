#pragma once

/// A thin cover over one SQLite connection: prepared statements, bound values, failures as exceptions
/// that never leave src/sqlite. One thread at a time.

#include "spider/types.hpp"

#include <sqlite3.h>

#include <chrono>
#include <concepts>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>

namespace spider::inline v1::detail {

/// SQLite said no: a result code and its text. Thrown by `Connection`, caught where a transaction ends.
struct SqlFailure {
  int code = 0;
  std::string text;
};

/// Bound as a blob; a plain string is bound as text. Empty and null views are the empty blob.
struct Blob {
  std::string_view bytes;
};
struct Null {};

class Connection {
 public:
  explicit Connection(sqlite3* handle) noexcept : handle_{handle} {}
  Connection(const Connection&) = delete;
  auto operator=(const Connection&) -> Connection& = delete;
  ~Connection();

  /// How long to wait for a lock that another connection holds. Looks often: its own handler of SQLite rests
  /// for up to 100 ms, and the one of several busy writers who rests longest gets nothing.
  auto wait_while_busy(std::chrono::milliseconds timeout) -> void;

  /// `sql` is a literal: its address is its name in the cache of prepared statements. Not while `Rows`
  /// of the same literal are alive.
  [[nodiscard]] auto prepared(const char* sql) -> sqlite3_stmt*;
  [[nodiscard]] auto handle() const noexcept -> sqlite3* { return handle_; }

  /// Runs a statement to its end; returns how many rows it changed.
  template <class... Args>
  auto run(const char* sql, const Args&... args) -> int {
    auto* statement = prepared(sql);
    bind_all(statement, SQLITE_STATIC, args...);
    finish(statement);
    return sqlite3_changes(handle_);
  }

  /// Several statements without parameters.
  auto execute(const char* script) -> void;
  [[noreturn]] auto fail(int code) -> void;

  template <class... Args>
  auto bind_all([[maybe_unused]] sqlite3_stmt* statement, [[maybe_unused]] sqlite3_destructor_type lifetime,
                const Args&... args) -> void {
    [[maybe_unused]] int column = 0;
    (bind(statement, ++column, args, lifetime), ...);
  }

 private:
  auto finish(sqlite3_stmt* statement) -> void;

  template <class T>
  auto bind(sqlite3_stmt* statement, int column, const T& value, sqlite3_destructor_type lifetime) -> void {
    if constexpr (std::same_as<T, Null>) {
      check(sqlite3_bind_null(statement, column));
    } else if constexpr (std::same_as<T, Blob>) {
      const auto* data = value.bytes.empty() ? "" : value.bytes.data();
      check(sqlite3_bind_blob64(statement, column, data, value.bytes.size(), lifetime));
    } else if constexpr (std::convertible_to<T, std::string_view>) {
      const std::string_view text{value};
      check(sqlite3_bind_text64(statement, column, text.empty() ? "" : text.data(), text.size(), lifetime,
                                SQLITE_UTF8));
    } else {
      check(sqlite3_bind_int64(statement, column, number(value)));
    }
  }
  template <class T>
  static auto number(const T& value) -> std::int64_t {
    if constexpr (std::same_as<T, TimePoint>) {
      return value.time_since_epoch().count();
    } else if constexpr (requires { value.value; }) {
      return static_cast<std::int64_t>(value.value);
    } else {
      return static_cast<std::int64_t>(value);
    }
  }
  auto check(int code) -> void {
    if (code != SQLITE_OK) fail(code);
  }

  static auto keep_waiting(void* self, int times) -> int;

  sqlite3* handle_;
  std::chrono::milliseconds busy_timeout_{};
  std::chrono::steady_clock::time_point waiting_since_{};
  std::unordered_map<const char*, sqlite3_stmt*> statements_;
};

/// The rows of a query. While it lives, its statement is in use.
class Rows {
 public:
  template <class... Args>
  Rows(Connection& connection, const char* sql, const Args&... args)
      : connection_{connection}, statement_{connection.prepared(sql)} {
    connection_.bind_all(statement_, SQLITE_TRANSIENT, args...);
  }
  Rows(const Rows&) = delete;
  auto operator=(const Rows&) -> Rows& = delete;
  ~Rows() { sqlite3_reset(statement_); }

  [[nodiscard]] auto next() -> bool;
  [[nodiscard]] auto is_null(int column) const -> bool {
    return sqlite3_column_type(statement_, column) == SQLITE_NULL;
  }
  /// An integer as any number, enum, id or time. NULL reads as 0.
  template <class T>
  [[nodiscard]] auto get(int column) const -> T {
    const auto value = sqlite3_column_int64(statement_, column);
    if constexpr (std::same_as<T, TimePoint>) {
      return TimePoint{Duration{value}};
    } else if constexpr (requires(T id) { id.value; }) {
      return T{static_cast<std::uint64_t>(value)};
    } else {
      return static_cast<T>(value);
    }
  }
  [[nodiscard]] auto text(int column) const -> std::string;

 private:
  Connection& connection_;
  sqlite3_stmt* statement_;
};

}  // namespace spider::inline v1::detail
