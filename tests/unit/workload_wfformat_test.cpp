#include "cli/workload/wfformat.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace spider::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// A document of schema 1.5 with these two lists.
auto document(const std::string& tasks, const std::string& runs) -> std::string {
  return R"({"name": "w", "schemaVersion": "1.5", "workflow": {"specification": {"tasks": [)" + tasks +
         R"(]}, "execution": {"tasks": [)" + runs + "]}}}";
}
auto document14(const std::string& tasks) -> std::string {
  return R"({"name": "w", "schemaVersion": "1.4", "workflow": {"tasks": [)" + tasks + "]}}";
}
const std::string kRunA = R"({"id": "a", "runtimeInSeconds": 1})";
const std::string kRunsAB = kRunA + R"(, {"id": "b", "runtimeInSeconds": 2.5})";

auto error_of(const std::string& text, const WorkloadLimits& limits = {}) -> Error {
  const auto workload = parse_wfformat(text, "f.json", limits);
  return workload ? Error{Errc::internal, "no error"} : workload.error();
}
void expect_document_error(const std::string& text, Errc code, const std::string& detail) {
  const auto error = error_of(text);
  EXPECT_EQ(error, code) << error;
  EXPECT_THAT(error.detail, HasSubstr("f.json: "));
  EXPECT_THAT(error.detail, HasSubstr(detail));
}

TEST(WfFormat, Version15JoinsGraphAndRunTimesById) {
  const auto parsed = parse_wfformat(
      document(
          R"({"id": "a", "name": "split", "parents": [], "children": ["b"]},
                  {"id": "b", "name": "join", "parents": ["a"], "children": []})",
          R"({"id": "b", "runtimeInSeconds": 2.5, "command": {"program": "cat", "arguments": ["x y", ""]}},
                  {"id": "a", "runtimeInSeconds": 0})"),
      "dir/f.json");
  ASSERT_TRUE(parsed) << parsed.error();
  const auto& workload = parsed.value();
  EXPECT_EQ(workload.format, "WfFormat 1.5");
  ASSERT_EQ(workload.jobs.size(), 1U);
  const auto& job = workload.jobs[0];
  EXPECT_EQ(job.name, "w");
  EXPECT_EQ(job.group, "f");
  ASSERT_EQ(job.tasks.size(), 2U);
  EXPECT_EQ(job.tasks[0].category, "split");
  EXPECT_EQ(job.tasks[0].run_time, Duration::zero());
  EXPECT_FALSE(job.tasks[0].command);
  EXPECT_EQ(job.tasks[1].run_time, std::chrono::milliseconds{2500});
  EXPECT_THAT(job.tasks[1].parents, ElementsAre(0));
  ASSERT_TRUE(job.tasks[1].command);
  EXPECT_EQ(job.tasks[1].command->program, "cat");
  EXPECT_THAT(job.tasks[1].command->arguments, ElementsAre("x y", ""));
}

TEST(WfFormat, Version14RefersToNamesAndMayLackChildren) {
  const auto parsed = parse_wfformat(
      document14(R"({"name": "b1", "id": "a1", "category": "c", "parents": ["a1"], "runtimeInSeconds": 1},
                    {"name": "a1", "id": "b1", "parents": [], "runtimeInSeconds": 2})"),
      "f.json");
  ASSERT_TRUE(parsed) << parsed.error();
  EXPECT_EQ(parsed.value().format, "WfFormat 1.4");
  const auto& tasks = parsed.value().jobs[0].tasks;
  EXPECT_EQ(tasks[0].name, "b1");
  EXPECT_EQ(tasks[0].category, "c");
  EXPECT_THAT(tasks[0].parents, ElementsAre(1));
  EXPECT_THAT(tasks[1].parents, IsEmpty());
}

TEST(WfFormat, DependencyListedOnEitherSideOrTwiceCountsOnce) {
  const auto parsed = parse_wfformat(
      document(
          R"({"id": "a", "children": ["b", "b"]}, {"id": "b", "parents": []}, {"id": "c", "parents": ["b", "a", "b"]})",
          kRunsAB + R"(, {"id": "c", "runtimeInSeconds": 1})"),
      "f.json");
  ASSERT_TRUE(parsed) << parsed.error();
  const auto& tasks = parsed.value().jobs[0].tasks;
  EXPECT_THAT(tasks[1].parents, ElementsAre(0));
  EXPECT_THAT(tasks[2].parents, ElementsAre(1, 0));
}

TEST(WfFormat, UnusualOrderOfChildrenIsKept) {
  const auto parsed = parse_wfformat(
      document(
          R"({"id": "a", "children": ["c", "b"]}, {"id": "b", "parents": ["a"]}, {"id": "c", "parents": ["a"]})",
          kRunsAB + R"(, {"id": "c", "runtimeInSeconds": 1})"),
      "f.json");
  ASSERT_TRUE(parsed) << parsed.error();
  EXPECT_THAT(parsed.value().jobs[0].tasks[0].children_order, ElementsAre(2, 1));
  EXPECT_THAT(parsed.value().jobs[0].tasks[1].children_order, IsEmpty());
}

TEST(WfFormat, NoJsonIsAParseErrorWithLineAndColumn) {
  expect_document_error("hello", Errc::parse_error, "line 1, column 1");
  expect_document_error("", Errc::parse_error, "line 1");
  expect_document_error("[1]", Errc::parse_error, "document: expected an object");
  expect_document_error("{}", Errc::parse_error, "workflow: expected an object");
}

TEST(WfFormat, TruncationAnywhereIsAParseError) {
  const auto whole = document(R"({"id": "a", "name": "n", "parents": []})", kRunA);
  ASSERT_TRUE(parse_wfformat(whole, "f.json"));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_EQ(error_of(whole.substr(0, size)), Errc::parse_error) << size;
  }
}

TEST(WfFormat, BrokenJsonNamesThePath) {
  expect_document_error(document(R"({"id": "a"})", R"({"id": "a", "runtimeInSeconds": nan})"),
                        Errc::parse_error, "workflow.execution.tasks[0].runtimeInSeconds");
}

TEST(WfFormat, BrokenJsonUnderAnEndlessKeyIsRefusedInAFewWords) {
  const auto read = parse_wfformat("{\"" + std::string(4'000, 'k') + "\": [1, }", "file", {});
  ASSERT_FALSE(read);
  EXPECT_LT(read.error().detail.size(), 300U) << read.error().detail;
}

TEST(WfFormat, BytesThatAreNotUtf8AreAParseError) {
  expect_document_error(document("{\"id\": \"\xff\"}", kRunA), Errc::parse_error,
                        "workflow.specification.tasks[0].id");
}

TEST(WfFormat, NestingBeyondTheLimitIsRefused) {
  expect_document_error(std::string(100'000, '['), Errc::limit_exceeded, "nested deeper than 64");
}

TEST(WfFormat, UnknownSchemaVersionIsAParseError) {
  expect_document_error(R"({"schemaVersion": "2.0", "workflow": {"tasks": []}})", Errc::parse_error,
                        "schemaVersion: expected");
}

TEST(WfFormat, MissingMembersAreParseErrors) {
  expect_document_error(R"({"workflow": {}})", Errc::parse_error, "workflow.tasks: expected");
  expect_document_error(R"({"workflow": {"specification": {"tasks": []}}})", Errc::parse_error,
                        "workflow.execution: expected");
  expect_document_error(document("{}", ""), Errc::parse_error,
                        "workflow.specification.tasks[0].id: expected a string");
  expect_document_error(document("7", ""), Errc::parse_error,
                        "workflow.specification.tasks[0]: expected an object");
  expect_document_error(document(R"({"id": "a"})", R"({"id": "a"})"), Errc::parse_error,
                        "workflow.execution.tasks[0].runtimeInSeconds: expected a number");
  expect_document_error(document(R"({"id": "a"}, {"id": "b"})", kRunA), Errc::parse_error,
                        "expected an element for task 'b'");
}

TEST(WfFormat, MembersOfTheWrongTypeAreParseErrors) {
  expect_document_error(document(R"({"id": "a", "parents": "b"})", kRunA), Errc::parse_error,
                        "tasks[0].parents: expected an array");
  expect_document_error(document(R"({"id": "a", "parents": [1]})", kRunA), Errc::parse_error,
                        "tasks[0].parents[0]: expected a string");
  expect_document_error(document(R"({"id": "a"})", R"({"id": "a", "runtimeInSeconds": "1"})"),
                        Errc::parse_error, "expected a number");
  expect_document_error(
      document(R"({"id": "a"})",
               R"({"id": "a", "runtimeInSeconds": 1, "command": {"program": "x", "arguments": [1]}})"),
      Errc::parse_error, "command.arguments: expected an array of strings");
}

TEST(WfFormat, CommandWithoutProgramIsLeftOut) {
  const auto parsed = parse_wfformat(
      document(R"({"id": "a"})", R"({"id": "a", "runtimeInSeconds": 1, "command": {"arguments": ["x"]}})"),
      "f.json");
  ASSERT_TRUE(parsed) << parsed.error();
  EXPECT_FALSE(parsed.value().jobs[0].tasks[0].command);
}

TEST(WfFormat, CycleIsRefusedAndNamed) {
  const auto tasks = R"({"id": "a", "parents": ["b"]}, {"id": "b", "parents": ["a"]})";
  expect_document_error(document(tasks, kRunsAB), Errc::cyclic_graph, "after 'b'");
  expect_document_error(document(R"({"id": "a", "parents": ["a"]})", kRunA), Errc::cyclic_graph,
                        "'a' after 'a'");
}

TEST(WfFormat, UnknownParentOrChildIsRefused) {
  expect_document_error(document(R"({"id": "a", "parents": ["zz"]})", kRunA), Errc::unknown_parent,
                        "tasks[0].parents[0]: no task has the id 'zz'");
  expect_document_error(document(R"({"id": "a", "children": ["zz"]})", kRunA), Errc::unknown_parent,
                        "tasks[0].children[0]");
}

TEST(WfFormat, DuplicateIdIsRefused) {
  expect_document_error(document(R"({"id": "a"}, {"id": "a"})", kRunA), Errc::duplicate_name,
                        "specification.tasks[1].id: 'a'");
  expect_document_error(document(R"({"id": "a"})", kRunA + "," + kRunA), Errc::duplicate_name,
                        "execution.tasks[1].id: 'a'");
  expect_document_error(
      document14(R"({"name": "a", "runtimeInSeconds": 1}, {"name": "a", "runtimeInSeconds": 1})"),
      Errc::duplicate_name, "workflow.tasks[1].name");
}

TEST(WfFormat, RunTimeOfAnUnspecifiedTaskIsRefused) {
  expect_document_error(document(R"({"id": "a"})", kRunsAB), Errc::unknown_task,
                        "execution.tasks[1].id: 'b'");
}

TEST(WfFormat, NegativeOverflowingAndNonFiniteRunTimesAreRefused) {
  for (const auto* seconds : {"-1", "-1e-9", "1e10", "1e308", "1e999"}) {
    SCOPED_TRACE(seconds);
    expect_document_error(
        document(R"({"id": "a"})", R"({"id": "a", "runtimeInSeconds": )" + std::string{seconds} + "}"),
        Errc::invalid_time, "workflow.execution.tasks[0].runtimeInSeconds: ");
  }
}

TEST(WfFormat, NumberTooLargeElsewhereIsAParseError) {
  expect_document_error(document(R"({"id": "a", "x": 1e999})", kRunA), Errc::parse_error,
                        "specification.tasks[0].x");
}

TEST(WfFormat, NoTaskIsAnEmptyGraph) {
  expect_document_error(document("", ""), Errc::empty_graph, "no task");
}

TEST(WfFormat, GraphOverTheLimitIsRefused) {
  WorkloadLimits limits;
  limits.nodes_max = 1;
  const auto text = document(R"({"id": "a"}, {"id": "b"})", kRunsAB);
  EXPECT_EQ(error_of(text, limits), Errc::limit_exceeded);
  limits.nodes_max = 2;
  EXPECT_TRUE(parse_wfformat(text, "f.json", limits));
}

}  // namespace
}  // namespace spider::cli
