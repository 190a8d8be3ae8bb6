// The durable member directory: a table behind the storage's writer.

#include "spider/storage/sqlite_member_directory.hpp"

#include "pull/member_checks.hpp"
#include "sqlite/schema.hpp"
#include "sqlite/writer.hpp"

#include <utility>

namespace spider {
inline namespace v1 {

namespace {

using detail::Connection;
using detail::Rows;
using detail::SqliteState;
using detail::Writer;

constexpr int kVersion = 1;

constexpr const char* kMemberTables = R"sql(
CREATE TABLE IF NOT EXISTS member_counter(version INTEGER, id INTEGER, cursor INTEGER);
INSERT INTO member_counter SELECT 1, 0, 0 WHERE NOT EXISTS (SELECT 1 FROM member_counter);
CREATE TABLE IF NOT EXISTS member(
  id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, pinged_at INTEGER NOT NULL);
)sql";

auto member_number(Connection& file, const char* query) -> std::uint64_t {
  Rows rows{file, query};
  return rows.next() ? rows.get<std::uint64_t>(0) : 0;
}

auto set_up_members(Connection& file, const std::string& path) -> Result<void> {
  try {
    file.execute("BEGIN IMMEDIATE");
    file.execute(kMemberTables);
    const auto version = member_number(file, "SELECT version FROM member_counter");
    file.execute("COMMIT");
    if (version > kVersion) return Error{make_error_code(SqliteErrc::newer_schema), "member directory"};
    return success();
  } catch (const detail::SqlFailure& failure) {
    return detail::refusal(failure, path);
  }
}

// --- In a transaction, on the writer's thread. They throw SqlFailure. --------------------------------------

auto join(Connection& file, const MemberInfo& info, const MemberLimits& limits, TimePoint now)
    -> Result<MemberId> {
  const bool had_row = file.run("DELETE FROM member WHERE name = ?", info.name) > 0;
  if (!had_row && member_number(file, "SELECT count(*) FROM member") >= limits.members_max)
    return detail::too_many_members(limits);
  file.run("UPDATE member_counter SET id = id + 1");
  file.run("INSERT INTO member SELECT id, ?, ? FROM member_counter", info.name, now);
  return MemberId{member_number(file, "SELECT id FROM member_counter")};
}

auto ping(Connection& file, MemberId member, TimePoint now) -> Result<void> {
  if (file.run("UPDATE member SET pinged_at = ? WHERE id = ?", now, member) == 0)
    return Error{Errc::unknown_member};
  return success();
}

/// Those that pinged at `since` or later.
auto list(Connection& file, TimePoint since) -> std::vector<MemberView> {
  std::vector<MemberView> members;
  Rows rows{file, "SELECT id, name FROM member WHERE pinged_at >= ? ORDER BY id", since};
  while (rows.next()) members.push_back({rows.get<MemberId>(0), rows.text(1)});
  return members;
}

/// Those that pinged before `since`, behind the cursor first.
auto collect(Connection& file, TimePoint since, std::size_t limit) -> std::size_t {
  std::vector<MemberId> lost;
  {
    Rows rows{file,
              "SELECT id FROM member WHERE pinged_at < ? "
              "ORDER BY id <= (SELECT cursor FROM member_counter), id LIMIT ?",
              since, limit};
    while (rows.next()) lost.push_back(rows.get<MemberId>(0));
  }
  for (const auto member : lost) file.run("DELETE FROM member WHERE id = ?", member);
  if (!lost.empty()) file.run("UPDATE member_counter SET cursor = ?", lost.back());
  return lost.size();
}

/// `now - by`, or the beginning of time.
auto before(TimePoint now, Duration by) -> TimePoint {
  return now.time_since_epoch() < Duration::min() + by ? TimePoint::min() : now - by;
}

class SqliteMemberDirectory final : public MemberDirectory {
 public:
  SqliteMemberDirectory(std::shared_ptr<Writer> writer, MemberLimits limits, Clock& clock)
      : writer_{std::move(writer)}, limits_{limits}, clock_{clock} {}
  ~SqliteMemberDirectory() override { writer_->stop(); }

  auto join(MemberInfo info) -> Async<MemberId> override {
    return unless_cancelled<MemberId>(
        [info = std::move(info), limits = limits_](Connection& file, TimePoint now) -> Result<MemberId> {
          if (!is_valid_name(info.name)) return Error{Errc::invalid_name, info.name};
          return spider::join(file, info, limits, now);
        });
  }
  auto ping(MemberId member) -> Async<void> override {
    return unless_cancelled<void>(
        [member](Connection& file, TimePoint now) { return spider::ping(file, member, now); });
  }
  auto leave(MemberId member) -> Async<void> override {
    return in_transaction<void>([member](Connection& file, TimePoint) -> Result<void> {
      file.run("DELETE FROM member WHERE id = ?", member);
      return success();
    });
  }
  auto active() -> Async<std::vector<MemberView>> override {
    using Views = std::vector<MemberView>;
    return unless_cancelled<Views>([span = limits_.active_for](Connection& file, TimePoint now) {
      return Result<Views>{list(file, before(now, span))};
    });
  }
  auto collect(std::size_t limit) -> Async<std::size_t> override {
    return in_transaction<std::size_t>(
        [limit, span = limits_.lost_after](Connection& file, TimePoint now) -> Result<std::size_t> {
          if (limit == 0) return Error{Errc::invalid_argument, "limit is 0"};
          return spider::collect(file, before(now, span), limit);
        });
  }
  [[nodiscard]] auto limits() const -> const MemberLimits& override { return limits_; }

 private:
  /// `work(Connection&, TimePoint) -> Result<T>` in a transaction.
  template <class T, class F>
  auto in_transaction(F work) -> Async<T> {
    return detail::ask<T>(writer_, [work = std::move(work), &clock = clock_](SqliteState& state) {
      return work(state.connection(), clock.now());
    });
  }
  template <class T, class F>
  auto unless_cancelled(F work) -> Async<T> {
    return check_first<T>(in_transaction<T>(std::move(work)));
  }
  template <class T>
  static auto check_first(Async<T> call) -> Async<T> {
    const auto stop = co_await cancelled();
    if (stop) co_return Errc::cancelled;
    co_return co_await std::move(call);
  }

  std::shared_ptr<Writer> writer_;
  const MemberLimits limits_;
  Clock& clock_;
};

}  // namespace

auto open_sqlite_member_directory(SqliteMemberDirectoryOptions options, Clock& clock)
    -> Result<std::unique_ptr<MemberDirectory>> {
  SPIDER_TRY(detail::check_limits(options.limits));
  SPIDER_TRY(auto file, detail::open_file(options.file));
  SPIDER_TRY(set_up_members(*file, options.file.path));
  auto state = std::make_unique<SqliteState>(std::move(file), options.file, clock);
  auto writer = std::make_shared<Writer>(std::move(state));
  writer->start();
  return std::unique_ptr<MemberDirectory>{
      std::make_unique<SqliteMemberDirectory>(std::move(writer), options.limits, clock)};
}

}  // namespace v1
}  // namespace spider
