#include "pull/cpu_files.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <fstream>
#include <optional>
#include <sstream>
#include <string_view>

namespace spider::inline v1::detail {

namespace {

/// Empty when there is no such file; they hold a few lines.
auto read_text(const std::string& path) -> std::optional<std::string> {
  std::ifstream file{path};
  if (!file) return std::nullopt;
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

auto read_needed(const std::string& path) -> Result<std::string> {
  auto text = read_text(path);
  if (!text) return Error{Errc::io_error, path};
  return *std::move(text);
}

/// Takes the next word off `line`; empty at its end.
auto next_word(std::string_view& line) -> std::string_view {
  const auto begin = std::min(line.find_first_not_of(" \n"), line.size());
  const auto end = std::min(line.find_first_of(" \n", begin), line.size());
  const auto word = line.substr(begin, end - begin);
  line.remove_prefix(end);
  return word;
}

auto to_number(std::string_view word, const std::string& path) -> Result<double> {
  std::uint64_t number = 0;
  const auto* const end = word.data() + word.size();
  const auto [stop, fault] = std::from_chars(word.data(), end, number);
  if (fault != std::errc{} || stop != end)
    return Error{Errc::parse_error, path + ": expected a number, not '" + std::string{word} + '\''};
  return static_cast<double>(number);
}

auto read_number(const std::string& path) -> Result<double> {
  SPIDER_TRY(const auto text, read_needed(path));
  std::string_view line = text;
  return to_number(next_word(line), path);
}

/// A group's limit in processors.
struct Limit {
  std::string source;
  double processors = 0;
};

auto make_limit(const std::string& path, std::string_view quota, std::string_view period) -> Result<Limit> {
  SPIDER_TRY(const auto allowed, to_number(quota, path));
  SPIDER_TRY(const auto each, to_number(period, path));
  const auto processors = each > 0 ? allowed / each : 0;
  return Limit{path + ' ' + std::string{quota} + ' ' + std::string{period}, processors};
}

auto sample_of(Limit limit, double used_s, TimePoint now) -> CpuSample {
  return {std::move(limit.source), used_s, limit.processors * to_seconds(now.time_since_epoch())};
}

auto add_v2(const std::string& group, TimePoint now, std::vector<CpuSample>& samples) -> Result<void> {
  const auto max_path = group + "/cpu.max";
  const auto max = read_text(max_path);
  if (!max) return success();
  std::string_view line = *max;
  const auto quota = next_word(line);
  if (quota == "max") return success();
  SPIDER_TRY(auto limit, make_limit(max_path, quota, next_word(line)));
  const auto stat_path = group + "/cpu.stat";
  SPIDER_TRY(const auto stat, read_needed(stat_path));
  std::string_view rest = stat;
  while (!rest.empty()) {
    if (next_word(rest) != "usage_usec") continue;
    SPIDER_TRY(const auto used_us, to_number(next_word(rest), stat_path));
    samples.push_back(sample_of(std::move(limit), used_us / 1e6, now));
    return success();
  }
  return Error{Errc::parse_error, stat_path + ": no usage_usec"};
}

auto add_v1(const std::string& root, const std::string& group, TimePoint now, std::vector<CpuSample>& samples)
    -> Result<void> {
  const auto quota_path = root + "/cpu" + group + "/cpu.cfs_quota_us";
  const auto quota_text = read_text(quota_path);
  if (!quota_text) return success();
  std::string_view line = *quota_text;
  const auto quota = next_word(line);
  if (quota.starts_with('-')) return success();
  SPIDER_TRY(const auto period_text, read_needed(root + "/cpu" + group + "/cpu.cfs_period_us"));
  std::string_view period = period_text;
  SPIDER_TRY(auto limit, make_limit(quota_path, quota, next_word(period)));
  SPIDER_TRY(const auto used_ns, read_number(root + "/cpuacct" + group + "/cpuacct.usage"));
  samples.push_back(sample_of(std::move(limit), used_ns / 1e9, now));
  return success();
}

/// The group of the process in one hierarchy, "" for its root: from a line "4:cpu,cpuacct:/a/b" for the
/// controller `cpu`, or "0::/a/b" for none.
auto find_group(std::string_view membership, std::string_view controller) -> std::optional<std::string> {
  while (!membership.empty()) {
    const auto line = next_word(membership);
    const auto first = line.find(':');
    const auto second = line.find(':', first + 1);
    if (first == std::string_view::npos || second == std::string_view::npos) continue;
    const auto controllers = ',' + std::string{line.substr(first + 1, second - first - 1)} + ',';
    if (controllers.find(',' + std::string{controller} + ',') == std::string::npos) continue;
    const auto path = line.substr(second + 1);
    // "/.." is seen from a namespace that the group is not in.
    return path == "/" || path.find("/..") != std::string_view::npos ? std::string{} : std::string{path};
  }
  return std::nullopt;
}

/// Calls `add(group)` for a group and those above it.
auto climb(std::string group, const auto& add) -> Result<void> {
  while (true) {
    SPIDER_TRY(add(group));
    if (group.empty()) return success();
    group.resize(std::min(group.rfind('/'), group.size() - 1));
  }
}

// user nice system idle iowait irq softirq steal; what follows is counted in user and nice already.
auto read_machine(const std::string& proc) -> Result<CpuSample> {
  constexpr int kFields = 8;
  const auto path = proc + "/stat";
  SPIDER_TRY(const auto text, read_needed(path));
  std::string_view rest = text;
  if (next_word(rest) != "cpu") return Error{Errc::parse_error, path + ": no line of all processors"};
  CpuSample sample{path};
  for (int field = 0; field < kFields; ++field) {
    SPIDER_TRY(const auto ticks, to_number(next_word(rest), path));
    sample.total += ticks;
    if (field != 3 && field != 4) sample.used += ticks;
  }
  return sample;
}

}  // namespace

auto read_cpu(const CpuLoadOptions& options, TimePoint now) -> Result<std::vector<CpuSample>> {
  std::vector<CpuSample> samples;
  const auto membership = read_text(options.proc + "/self/cgroup").value_or("");
  if (const auto group = find_group(membership, "")) {
    SPIDER_TRY(
        climb(*group, [&](const std::string& at) { return add_v2(options.cgroups + at, now, samples); }));
  }
  if (const auto group = find_group(membership, "cpu")) {
    SPIDER_TRY(
        climb(*group, [&](const std::string& at) { return add_v1(options.cgroups, at, now, samples); }));
  }
  if (!samples.empty()) return samples;
  SPIDER_TRY(auto machine, read_machine(options.proc));
  samples.push_back(std::move(machine));
  return samples;
}

}  // namespace spider::inline v1::detail
