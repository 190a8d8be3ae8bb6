#include "cli/workload/synthetic.hpp"

#include "cli/workload/text.hpp"
#include "spider/rng.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <set>
#include <vector>

namespace spider::cli {
namespace {

auto parse_count(std::string_view key, std::string_view value, std::uint64_t least) -> Result<std::uint64_t> {
  std::uint64_t number = 0;
  const auto [end, fault] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (fault == std::errc{} && end == value.data() + value.size() && number >= least) return number;
  return Error{Errc::invalid_argument, std::string{key} + ": expected a whole number from " +
                                           std::to_string(least) + ", found " + in_quotes(value)};
}

auto set_option(SyntheticOptions& options, std::string_view key, std::string_view value) -> Result<void> {
  if (key == "seconds") {
    const auto seconds = parse_seconds(value);
    if (!seconds) return Error{Errc::invalid_argument, "seconds: " + seconds.error().detail};
    options.seconds = to_seconds(seconds.value());
    return success();
  }
  struct Count {
    std::string_view key;
    std::uint64_t& value;
    std::uint64_t least;
  };
  for (const auto& count :
       {Count{"jobs", options.jobs, 1}, Count{"tasks", options.tasks, 1}, Count{"groups", options.groups, 1},
        Count{"width", options.width, 1}, Count{"seed", options.seed, 0}}) {
    if (count.key != key) continue;
    SPIDER_TRY(count.value, parse_count(key, value, count.least));
    return success();
  }
  return Error{Errc::invalid_argument,
               "expected jobs, tasks, groups, width, seconds or seed, found " + in_quotes(key)};
}

auto parse_options(std::string_view text) -> Result<SyntheticOptions> {
  SyntheticOptions options;
  if (text.empty()) return options;
  std::set<std::string_view> seen;
  std::vector<std::string_view> settings;
  split_comma_separated(text, settings);
  for (const auto setting : settings) {
    const auto equals = setting.find('=');
    if (equals == std::string_view::npos) {
      return Error{Errc::invalid_argument, "expected KEY=VALUE, found " + in_quotes(setting)};
    }
    const auto key = setting.substr(0, equals);
    if (!seen.insert(key).second) return Error{Errc::invalid_argument, in_quotes(key) + " is given twice"};
    SPIDER_TRY(set_option(options, key, setting.substr(equals + 1)));
  }
  return options;
}

/// One to three different positions in [begin, begin + size), ascending.
auto draw_parents(Rng& rng, std::uint64_t begin, std::uint64_t size) -> std::vector<std::uint32_t> {
  const auto draws = 1 + rng.below(3);
  std::vector<std::uint32_t> parents;
  for (std::uint64_t i = 0; i < draws; ++i) {
    parents.push_back(static_cast<std::uint32_t>(begin + rng.below(size)));
  }
  std::sort(parents.begin(), parents.end());
  parents.erase(std::unique(parents.begin(), parents.end()), parents.end());
  return parents;
}

auto make_job(const SyntheticOptions& options, std::uint64_t index, Rng& rng) -> WorkloadJob {
  WorkloadJob job;
  job.name = "job-" + std::to_string(index);
  job.group = "group-" + std::to_string(index % options.groups);
  job.tasks.resize(options.tasks);
  for (std::uint64_t i = 0; i < options.tasks; ++i) {
    auto& task = job.tasks[i];
    const auto layer = i / options.width;
    task.name = "task-" + std::to_string(i);
    task.category = "layer-" + std::to_string(layer);
    task.run_time = from_seconds(options.seconds * (0.5 + rng.unit()));
    if (layer > 0) task.parents = draw_parents(rng, (layer - 1) * options.width, options.width);
  }
  return job;
}

}  // namespace

auto make_synthetic(std::string_view specification, const WorkloadLimits& limits) -> Result<Workload> {
  auto settings = specification;
  if (settings.starts_with(kSyntheticPrefix)) settings.remove_prefix(kSyntheticPrefix.size());
  const auto options = parse_options(settings);
  if (!options) return located(options.error(), specification);
  const auto& value = options.value();
  if (value.tasks > std::min<std::uint64_t>(limits.nodes_max, limits.tasks_per_job_max) ||
      value.jobs > limits.nodes_max / value.tasks) {
    return located({Errc::limit_exceeded,
                    "more than " + std::to_string(limits.nodes_max) + " tasks in all jobs together"},
                   specification);
  }
  Workload workload;
  workload.name = specification;
  workload.format = "synthetic";
  Rng rng{value.seed};
  for (std::uint64_t i = 0; i < value.jobs; ++i) workload.jobs.push_back(make_job(value, i, rng));
  return workload;
}

}  // namespace spider::cli
