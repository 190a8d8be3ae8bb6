#include "spider/coalesce_key.hpp"

#include "spider/handlers.hpp"
#include "spider/job_builder.hpp"

#include <gtest/gtest.h>

#include <set>
#include <stdexcept>

namespace spider {
namespace {

struct Target {
  std::string table;
  std::optional<int> part;
  bool urgent = false;
};

}  // namespace

template <>
struct Codec<Target> {
  static auto encode(const Target& target) -> Bytes { return target.table; }
  static auto decode(const Bytes& bytes) -> Result<Target> {
    if (bytes.empty()) return Errc::payload_error;
    if (bytes.back() == '!') throw std::runtime_error{"a codec that throws"};
    return Target{bytes, std::nullopt, false};
  }
};

namespace {

auto by_table() -> CoalesceBy<Target> {
  CoalesceBy<Target> by;
  by.column("table", &Target::table).column("part", &Target::part);
  return by;
}

TEST(CoalesceKey, DifferentKeysHaveDifferentBytesAndNumbers) {
  const std::vector<CoalesceKey> keys = {
      {"a", {"b"}},      {"a", {""}},     {"a", {std::nullopt}}, {"a", {"b", ""}}, {"a", {"b", std::nullopt}},
      {"a", {"", "b"}},  {"a", {"-"}},    {"a", {"1:b"}},        {"ab", {""}},     {"a", {std::nullopt, "b"}},
      {"a", {"b", "b"}}, {"a", {"b1:b"}}, {"b", {"a"}},          {"a", {"b", "-"}}};
  std::set<std::string> bytes;
  std::set<std::uint64_t> numbers;
  for (const auto& key : keys) {
    ASSERT_TRUE(check_key(key).has_value());
    bytes.insert(canonical(key));
    numbers.insert(key_number(canonical(key)));
  }
  EXPECT_EQ(bytes.size(), keys.size());
  EXPECT_EQ(numbers.size(), keys.size());
  EXPECT_FALSE(numbers.contains(0));
}

// The published test vectors of XXH64 with seed 0.
TEST(CoalesceKey, NumbersAreTheSameForEver) {
  EXPECT_EQ(key_number(""), 0xef46db3751d8e999U);
  EXPECT_EQ(key_number("a"), 0xd24ec4f1a98c6e5bU);
  EXPECT_EQ(key_number("abc"), 0x44bc2cf5ad770999U);
}

TEST(CoalesceKey, KeysThatTellNothingApartAreRefused) {
  EXPECT_EQ(check_key({}).error(), Errc::invalid_name);
  EXPECT_EQ(check_key({"op", {}}).error(), Errc::invalid_argument);
  EXPECT_EQ(check_key({"o p", {"x"}}).error(), Errc::invalid_name);
  EXPECT_EQ(check_key({"op", {std::string(1025, 'x')}}).error(), Errc::limit_exceeded);
  EXPECT_EQ(check_key({"op", std::vector<std::optional<std::string>>(2000)}).error(), Errc::limit_exceeded);
  EXPECT_TRUE(check_key({"op", {std::nullopt}}).has_value());
  EXPECT_TRUE(check_key({"op", {""}}).has_value());
}

TEST(CoalesceBy, ColumnsMakeTheKey) {
  EXPECT_EQ(by_table().key("reindex", {"orders", 7, true}), (CoalesceKey{"reindex", {"orders", "7"}}));
  EXPECT_EQ(by_table().key("reindex", {"orders", {}, true}),
            (CoalesceKey{"reindex", {"orders", std::nullopt}}));
  auto lazy_only = by_table();
  lazy_only.only([](const Target& target) { return !target.urgent; });
  EXPECT_EQ(lazy_only.key("reindex", {"orders", 7, true}), std::nullopt);
}

TEST(CoalesceBy, DeclarationsThatTellNothingApartAreRefused) {
  EXPECT_EQ(CoalesceBy<Target>{}.check().error(), Errc::invalid_argument);
  EXPECT_EQ(by_table().column("table", &Target::table).check().error(), Errc::duplicate_name);
  EXPECT_EQ(by_table().column("a b", &Target::table).check().error(), Errc::invalid_name);
  EXPECT_TRUE(by_table().apart({"a", 1}, {"a", {}}).check().has_value());
  EXPECT_EQ(by_table().apart({"a", 1, true}, {"a", 1, false}).check().error(), Errc::invalid_argument);
}

TEST(Handlers, ADeclarationGivesTasksTheirKeys) {
  Handlers handlers;
  handlers.coalesce("reindex", by_table());
  ASSERT_FALSE(handlers.error());
  JobBuilder job;
  job.task("reindex", std::string{"orders"});
  job.task("reindex", std::string{"orders"}).coalesce({"reindex", {"mine"}});
  job.task("reindex", std::string{});  // does not decode
  job.task("other", std::string{"orders"});
  job.array("reindex", 2, std::string{"orders"});
  auto spec = job.spec();
  handlers.add_keys(spec);
  EXPECT_EQ(spec.tasks[0].coalesce, (CoalesceKey{"reindex", {"orders", std::nullopt}}));
  EXPECT_EQ(spec.tasks[1].coalesce, (CoalesceKey{"reindex", {"mine"}}));
  for (const auto node : {2U, 3U, 4U}) EXPECT_FALSE(spec.tasks[node].coalesce) << node;
}

TEST(Handlers, AnInputThatDoesNotDecodeGetsNoKey) {
  Handlers handlers;
  handlers.coalesce("reindex", by_table());
  JobBuilder job;
  job.task("reindex", std::string{""});
  job.task("reindex", std::string{"orders!"});
  auto spec = job.spec();
  handlers.add_keys(spec);
  for (const auto& task : spec.tasks) EXPECT_FALSE(task.coalesce);
}

TEST(Handlers, ABadDeclarationIsAnErrorAtRegistration) {
  Handlers handlers;
  handlers.coalesce("reindex", CoalesceBy<Target>{});
  EXPECT_EQ(handlers.error().value(), Errc::invalid_argument);
  Handlers twice;
  twice.coalesce("reindex", by_table()).coalesce("reindex", by_table());
  EXPECT_EQ(twice.error().value(), Errc::duplicate_name);
  Handlers nameless;
  nameless.coalesce("", coalesce_by_input<std::string>());
  EXPECT_EQ(nameless.error().value(), Errc::invalid_name);
}

}  // namespace
}  // namespace spider
