#include "cli/workload/load.hpp"

#include "cli/info.hpp"
#include "cli/program.hpp"
#include "cli/workload/metrics.hpp"
#include "cli/workload/synthetic.hpp"
#include "cli/workload/text.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace spider::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::string kCsv = "0,j,M1,1,1,1,2\n0,j,R2_1,1,1,1,1\n";
/// `kCsv` as gzip: a stored block, so that the bytes can be read here.
auto gzip_of(const std::string& text, unsigned crc) -> std::string {
  const auto size = static_cast<unsigned>(text.size());
  std::string out{"\x1f\x8b\x08\0\0\0\0\0\0\x03\x01", 11};
  for (const unsigned half : {size, ~size}) {
    for (const unsigned shift : {0U, 8U}) out += static_cast<char>(half >> shift);
  }
  out += text;
  for (const unsigned word : {crc, size}) {
    for (const unsigned shift : {0U, 8U, 16U, 24U}) out += static_cast<char>(word >> shift);
  }
  return out;
}
constexpr unsigned kCrcOfCsv = 0xdbdb9d17U;

class WorkloadFile : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "spider-test-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  auto write(const std::string& name, const std::string& text) -> std::string {
    std::ofstream{folder_ / name, std::ios::binary} << text;
    return (folder_ / name).string();
  }

  std::filesystem::path folder_;
};

TEST_F(WorkloadFile, FormatFollowsTheEnding) {
  EXPECT_EQ(load_workload(write("a.csv", kCsv)).value().format, "stage CSV");
  EXPECT_EQ(load_workload(write("a.swf", "1 0 -1 5 1 -1 -1 1 -1 -1 1 1 1 -1 -1 -1 -1 -1\n")).value().format,
            "SWF");
  EXPECT_EQ(
      load_workload(write("a.json", R"({"workflow": {"tasks": [{"name": "a", "runtimeInSeconds": 1}]}})"))
          .value()
          .format,
      "WfFormat 1.4");
  EXPECT_EQ(load_workload("synthetic:").value().format, "synthetic");
  EXPECT_EQ(load_workload(write("a.txt", kCsv)).error(), Errc::invalid_argument);
}

TEST_F(WorkloadFile, GzipIsUnpacked) {
  const auto path = write("b.csv.gz", gzip_of(kCsv, kCrcOfCsv));
  const auto loaded = load_workload(path);
  ASSERT_TRUE(loaded) << loaded.error();
  EXPECT_EQ(loaded.value().jobs[0].tasks.size(), 2U);
  EXPECT_EQ(loaded.value().jobs[0].group, "b");
}

TEST_F(WorkloadFile, TruncatedAndDamagedGzipAreParseErrors) {
  const auto whole = gzip_of(kCsv, kCrcOfCsv);
  for (std::size_t size = 18; size < whole.size(); ++size) {
    const auto loaded = load_workload(write("c.csv.gz", whole.substr(0, size)));
    ASSERT_FALSE(loaded) << size;
    EXPECT_EQ(loaded.error(), Errc::parse_error);
    EXPECT_THAT(loaded.error().detail, HasSubstr("c.csv.gz: damaged gzip file"));
  }
  EXPECT_EQ(load_workload(write("d.csv.gz", gzip_of(kCsv, kCrcOfCsv + 1))).error(), Errc::parse_error);
}

TEST_F(WorkloadFile, MissingFileOrFolderIsAnIoErrorWithItsName) {
  const auto missing = load_workload((folder_ / "none.csv").string());
  EXPECT_EQ(missing.error(), Errc::io_error);
  EXPECT_THAT(missing.error().detail, HasSubstr("none.csv: No such file"));
  std::filesystem::create_directory(folder_ / "folder.csv");
  EXPECT_EQ(load_workload((folder_ / "folder.csv").string()).error(), Errc::io_error);
}

TEST_F(WorkloadFile, TextOverTheLimitIsRefused) {
  WorkloadLimits limits;
  limits.text_bytes_max = kCsv.size();
  const auto path = write("a.csv", kCsv);
  EXPECT_TRUE(load_workload(path, limits));
  --limits.text_bytes_max;
  EXPECT_EQ(load_workload(path, limits).error(), Errc::limit_exceeded);
}

TEST(GroupOfFile, DropsFoldersAndExtensions) {
  EXPECT_EQ(group_of_file("a/b.c/mesa.wf.json"), "mesa");
  EXPECT_EQ(group_of_file("x.swf.gz"), "x");
  EXPECT_EQ(group_of_file("my file (1).csv"), "my_file__1_");
  EXPECT_EQ(group_of_file(".csv"), "_");
  EXPECT_TRUE(is_valid_name(group_of_file(std::string(500, 'x'))));
}

TEST(InQuotes, KeepsAMessageOnOneShortLine) {
  EXPECT_EQ(in_quotes("a b"), "'a b'");
  EXPECT_EQ(in_quotes("a\n\x1b[31m"), "'a??[31m'");
  EXPECT_LT(in_quotes(std::string(1000, 'x')).size(), 100U);
}

TEST(Synthetic, HasTheShapeAskedFor) {
  const auto workload =
      make_synthetic("synthetic:jobs=5,tasks=25,groups=2,width=10,seconds=4,seed=3").value();
  const auto m = measure(workload).value();
  EXPECT_EQ(m.jobs, 5U);
  EXPECT_EQ(m.tasks, 125U);
  EXPECT_EQ(m.groups, 2U);
  EXPECT_EQ(m.width, 10U);
  EXPECT_EQ(m.levels, 3U);
  EXPECT_NEAR(m.work_seconds / 125, 4, 0.5);
  EXPECT_LT(m.run_time_max, std::chrono::seconds{6});
}

TEST(Synthetic, SeedDecides) {
  const auto work = [](const char* text) {
    return measure(make_synthetic(text).value()).value().work_seconds;
  };
  EXPECT_EQ(work("synthetic:seed=1"), work("synthetic:"));
  EXPECT_NE(work("synthetic:seed=1"), work("synthetic:seed=2"));
}

TEST(Synthetic, BadKeysAndValuesAreInvalidArguments) {
  for (const auto* text :
       {"synthetic:x=1", "synthetic:jobs", "synthetic:jobs=", "synthetic:jobs=0", "synthetic:jobs=-1",
        "synthetic:tasks=1.5", "synthetic:width=0", "synthetic:groups=0", "synthetic:seconds=-1",
        "synthetic:seconds=nan", "synthetic:seconds=1e300", "synthetic:seed=99999999999999999999",
        "synthetic:jobs=1,jobs=1", "synthetic:jobs=1,"}) {
    const auto made = make_synthetic(text);
    ASSERT_FALSE(made) << text;
    EXPECT_EQ(made.error(), Errc::invalid_argument) << text;
    EXPECT_THAT(made.error().detail, HasSubstr(text));
  }
}

TEST(Synthetic, MoreThanTheLimitIsRefused) {
  EXPECT_EQ(make_synthetic("synthetic:jobs=100000,tasks=100000").error(), Errc::limit_exceeded);
  EXPECT_EQ(make_synthetic("synthetic:jobs=18446744073709551615,tasks=2").error(), Errc::limit_exceeded);
}

struct Ran {
  int status;
  std::string out;
  std::string err;
};
auto run(std::vector<const char*> arguments) -> Ran {
  std::ostringstream out;
  std::ostringstream err;
  arguments.insert(arguments.begin(), "spider");
  const int status = run_main(static_cast<int>(arguments.size()), arguments.data(), {out, err});
  return {status, out.str(), err.str()};
}

TEST(Program, HelpAndVersionSucceed) {
  EXPECT_EQ(run({"--version"}).status, kSuccess);
  EXPECT_THAT(run({"--version"}).out, HasSubstr("spider "));
  EXPECT_EQ(run({"--help"}).status, kSuccess);
  EXPECT_THAT(run({"info", "--help"}).out, HasSubstr("WORKLOAD"));
}

TEST(Program, BadArgumentsExitWith2AndSayWhy) {
  for (const auto& arguments : std::vector<std::vector<const char*>>{
           {}, {"nonsense"}, {"info"}, {"info", "--nonsense", "synthetic:"}}) {
    const auto ran = run(arguments);
    EXPECT_EQ(ran.status, kBadInput);
    EXPECT_FALSE(ran.err.empty());
  }
}

TEST(InfoCommand, JsonIsOneObjectPerWorkloadAndNothingElse) {
  const auto ran = run({"info", "synthetic:tasks=7", "synthetic:jobs=2,tasks=3", "--json", "-"});
  EXPECT_EQ(ran.status, kSuccess);
  EXPECT_THAT(ran.err, IsEmpty());
  std::istringstream lines{ran.out};
  std::vector<nlohmann::json> objects;
  for (std::string line; std::getline(lines, line);) objects.push_back(nlohmann::json::parse(line));
  ASSERT_EQ(objects.size(), 2U);
  EXPECT_EQ(objects[0]["tasks"], 7);
  EXPECT_EQ(objects[1]["jobs"], 2);
  for (const auto* key : {"jobs", "tasks", "edges", "groups", "critical_path_s", "work_s", "width"}) {
    EXPECT_TRUE(objects[0].contains(key)) << key;
  }
}

TEST(InfoCommand, BadWorkloadExitsWith2AndTheOthersAreStillDescribed) {
  const auto ran = run({"info", "nowhere.json", "synthetic:tasks=12345"});
  EXPECT_EQ(ran.status, kBadInput);
  EXPECT_THAT(ran.err, HasSubstr("nowhere.json: No such file"));
  EXPECT_THAT(ran.out, HasSubstr("12,345"));
}

TEST_F(WorkloadFile, InfoWritesJsonToAFile) {
  const auto path = (folder_ / "out.json").string();
  EXPECT_EQ(run({"info", "synthetic:", "--json", path.c_str()}).status, kSuccess);
  std::ifstream in{path};
  EXPECT_EQ(nlohmann::json::parse(in)["tasks"], 100);
  const auto nowhere = (folder_ / "no" / "out.json").string();
  EXPECT_EQ(run({"info", "synthetic:", "--json", nowhere.c_str()}).status, kBadInput);
}

}  // namespace
}  // namespace spider::cli
