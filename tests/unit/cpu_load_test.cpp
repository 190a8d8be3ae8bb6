// R8: the load probe for Linux, on files of a folder of its own.

#include "spider/pull/cpu_load.hpp"
#include "temporary_folder.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <memory>
#include <string>
#include <utility>

namespace spider {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint kStart{1'000'000s};

class CpuLoadTest : public ::testing::Test {
 protected:
  CpuLoadTest() { write("proc/self/cgroup", "0::/\n"); }

  auto write(const std::string& path, const std::string& text) -> void {
    const std::filesystem::path file{folder_ / path};
    std::filesystem::create_directories(file.parent_path());
    std::ofstream{file} << text;
  }
  auto remove(const std::string& path) -> void { std::filesystem::remove(folder_ / path); }
  /// 1000 ticks, of which these were used, have gone by since the last call.
  auto machine(int used) -> void {
    used_ += used;
    idle_ += 1000 - used;
    write("proc/stat", "cpu  " + std::to_string(used_) + " 0 0 " + std::to_string(idle_) +
                           " 0 0 0 0 0 0\ncpu0 1 2 3 4 5 6 7 8 9 10\n");
  }
  auto group(const std::string& name, const std::string& max, Duration used) -> void {
    write("cgroup" + name + "/cpu.max", max + '\n');
    write("cgroup" + name + "/cpu.stat",
          "usage_usec " + std::to_string(used / 1us) + "\nuser_usec 7\nsystem_usec 8\n");
  }
  /// Averages over so short a time that only the last reading counts, unless told otherwise.
  auto open(Duration average_over = 1ns) -> std::unique_ptr<LoadProbe> {
    CpuLoadOptions options;
    options.cgroups = folder_ / "cgroup";
    options.proc = folder_ / "proc";
    options.average_over = average_over;
    return make_cpu_load(std::move(options)).value();
  }

  TemporaryFolder folder_;
  int used_ = 100;
  int idle_ = 900;
};

TEST_F(CpuLoadTest, MachineIsReadWhereNoGroupHasALimit) {
  group("", "max 100000", 5s);
  machine(0);
  const auto probe = open();
  EXPECT_TRUE(std::isnan(probe->percent(kStart).value()));
  machine(250);
  EXPECT_DOUBLE_EQ(probe->percent(kStart + 1s).value(), 25);
  machine(1000);
  EXPECT_DOUBLE_EQ(probe->percent(kStart + 2s).value(), 100);
}

TEST_F(CpuLoadTest, WaitingForADiskIsIdleAndStolenTimeIsNot) {
  write("proc/stat", "cpu 0 0 0 0 0 0 0 0 0 0\n");
  const auto probe = open();
  ASSERT_TRUE(probe->percent(kStart).has_value());
  write("proc/stat", "cpu 1 2 3 40 44 4 5 1 100 100\n");
  EXPECT_DOUBLE_EQ(probe->percent(kStart + 1s).value(), 16);
}

TEST_F(CpuLoadTest, GroupWithALimitIsMeasuredByIt) {
  machine(0);
  group("", "150000 100000", 10s);
  const auto probe = open();
  EXPECT_TRUE(std::isnan(probe->percent(kStart).value()));
  machine(1000);
  group("", "150000 100000", 10s + 600ms);
  EXPECT_NEAR(probe->percent(kStart + 1s).value(), 40, 1e-6);
}

TEST_F(CpuLoadTest, FullestOfNestedGroupsCounts) {
  write("proc/self/cgroup", "0::/outer/inner\n");
  group("/outer", "100000 100000", 0s);
  group("/outer/inner", "200000 100000", 0s);
  const auto probe = open();
  ASSERT_TRUE(probe->percent(kStart).has_value());
  group("/outer", "100000 100000", 900ms);
  group("/outer/inner", "200000 100000", 400ms);
  EXPECT_NEAR(probe->percent(kStart + 1s).value(), 90, 1e-6);
}

TEST_F(CpuLoadTest, GroupOutsideOfTheNamespaceIsTheRoot) {
  write("proc/self/cgroup", "0::/../../elsewhere\n");
  group("", "100000 100000", 0s);
  const auto probe = open();
  ASSERT_TRUE(probe->percent(kStart).has_value());
  group("", "100000 100000", 300ms);
  EXPECT_NEAR(probe->percent(kStart + 1s).value(), 30, 1e-6);
}

TEST_F(CpuLoadTest, VersionOneIsRead) {
  write("proc/self/cgroup", "5:cpuset:/a\n4:cpu,cpuacct:/a\n0::/\n");
  write("cgroup/cpu/a/cpu.cfs_quota_us", "50000\n");
  write("cgroup/cpu/a/cpu.cfs_period_us", "100000\n");
  write("cgroup/cpu/cpu.cfs_quota_us", "-1\n");
  write("cgroup/cpuacct/a/cpuacct.usage", "1000000000\n");
  const auto probe = open();
  ASSERT_TRUE(probe->percent(kStart).has_value());
  write("cgroup/cpuacct/a/cpuacct.usage", "1100000000\n");
  EXPECT_NEAR(probe->percent(kStart + 1s).value(), 20, 1e-6);
}

TEST_F(CpuLoadTest, NewLimitBeginsAnew) {
  group("", "100000 100000", 1s);
  const auto probe = open();
  ASSERT_TRUE(probe->percent(kStart).has_value());
  group("", "200000 100000", 2s);
  EXPECT_TRUE(std::isnan(probe->percent(kStart + 1s).value()));
  group("", "200000 100000", 3s);
  EXPECT_NEAR(probe->percent(kStart + 2s).value(), 50, 1e-6);
}

TEST_F(CpuLoadTest, CounterThatBeganAnewIsNoInformation) {
  group("", "100000 100000", 9s);
  const auto probe = open();
  ASSERT_TRUE(probe->percent(kStart).has_value());
  group("", "100000 100000", 1s);
  EXPECT_TRUE(std::isnan(probe->percent(kStart + 1s).value()));
}

TEST_F(CpuLoadTest, ZeroProcessorsDoNotDivide) {
  for (const auto* max : {"0 100000", "100000 0", "0 0"}) {
    group("", max, 1s);
    const auto probe = open();
    ASSERT_TRUE(probe->percent(kStart).has_value());
    group("", max, 2s);
    const auto load = probe->percent(kStart + 1s);
    ASSERT_TRUE(load.has_value()) << max;
    EXPECT_TRUE(std::isnan(load.value())) << max;
  }
}

TEST_F(CpuLoadTest, MachineThatStandsStillIsNoInformation) {
  machine(0);
  const auto probe = open();
  ASSERT_TRUE(probe->percent(kStart).has_value());
  EXPECT_TRUE(std::isnan(probe->percent(kStart + 1s).value()));
}

TEST_F(CpuLoadTest, ReadsAtMostEvery200Milliseconds) {
  machine(0);
  const auto probe = open();
  ASSERT_TRUE(probe->percent(kStart).has_value());
  machine(500);
  EXPECT_TRUE(std::isnan(probe->percent(kStart + 200ms - 1ns).value()));
  EXPECT_DOUBLE_EQ(probe->percent(kStart + 200ms).value(), 50);
  machine(1000);
  EXPECT_DOUBLE_EQ(probe->percent(kStart + 399ms).value(), 50);
  EXPECT_DOUBLE_EQ(probe->percent(kStart + 400ms).value(), 100);
}

TEST_F(CpuLoadTest, FailedReadingsAreNotRepeatedSoonerEither) {
  const auto probe = open();
  EXPECT_EQ(probe->percent(kStart).error(), Errc::io_error);
  machine(0);
  EXPECT_EQ(probe->percent(kStart + 199ms).error(), Errc::io_error);
  EXPECT_TRUE(probe->percent(kStart + 200ms).has_value());
}

TEST_F(CpuLoadTest, AverageIsWeightedByTime) {
  machine(0);
  const auto probe = open(5s);
  ASSERT_TRUE(probe->percent(kStart).has_value());
  machine(0);
  ASSERT_DOUBLE_EQ(probe->percent(kStart + 1s).value(), 0);
  machine(1000);
  EXPECT_NEAR(probe->percent(kStart + 6s).value(), 100 * (1 - std::exp(-1)), 1e-9);
  // The same load in two readings is the same as in one.
  machine(1000);
  ASSERT_TRUE(probe->percent(kStart + 7s).has_value());
  machine(1000);
  EXPECT_NEAR(probe->percent(kStart + 11s).value(), 100 * (1 - std::exp(-2)), 1e-9);
}

TEST_F(CpuLoadTest, TimeOfFailedReadingsIsCounted) {
  machine(0);
  const auto probe = open();
  ASSERT_TRUE(probe->percent(kStart).has_value());
  remove("proc/stat");
  EXPECT_EQ(probe->percent(kStart + 1s).error(), Errc::io_error);
  machine(800);
  machine(400);
  EXPECT_DOUBLE_EQ(probe->percent(kStart + 2s).value(), 60);
}

TEST_F(CpuLoadTest, BadFilesAreErrors) {
  for (const auto* text : {"", "cpu 1 2\n", "cpu a b c d e f g h\n", "cpu -1 0 0 0 0 0 0 0\n", "intr 5\n"}) {
    write("proc/stat", text);
    EXPECT_EQ(open()->percent(kStart).error(), Errc::parse_error) << text;
  }
  machine(0);
  group("", "half 100000", 0s);
  EXPECT_EQ(open()->percent(kStart).error(), Errc::parse_error);
  group("", "100000", 0s);
  EXPECT_EQ(open()->percent(kStart).error(), Errc::parse_error);
  group("", "100000 100000", 0s);
  write("cgroup/cpu.stat", "user_usec 5\n");
  EXPECT_EQ(open()->percent(kStart).error(), Errc::parse_error);
  remove("cgroup/cpu.stat");
  EXPECT_EQ(open()->percent(kStart).error(), Errc::io_error);
}

TEST_F(CpuLoadTest, OptionsAreChecked) {
  CpuLoadOptions options;
  options.read_interval = 0ns;
  EXPECT_EQ(make_cpu_load(options).error(), Errc::invalid_argument);
  options = {};
  options.average_over = 0ns;
  EXPECT_EQ(make_cpu_load(options).error(), Errc::invalid_argument);
}

TEST_F(CpuLoadTest, ThisMachineCanBeRead) {
  const auto probe = make_cpu_load({}).value();
  const auto load = probe->percent(kStart);
  EXPECT_TRUE(load.has_value()) << load.error();
}

}  // namespace
}  // namespace spider
