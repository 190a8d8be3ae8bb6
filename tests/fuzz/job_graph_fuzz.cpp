// Validation of job graphs: the bytes choose a job among sound and unsound values; what is accepted must
// keep every rule, counted here in the plainest way, and run to its end; a refusal must be one.

#include "fuzz/fuzz_target.hpp"
#include "spider/storage/life_cycle.hpp"
#include "sqlite/spec_format.hpp"

#include <array>
#include <limits>
#include <vector>

namespace spider::fuzz {
namespace {

constexpr std::size_t kNodesMax = 64;  // made here; `limits()` allows fewer
constexpr auto kNan = std::numeric_limits<double>::quiet_NaN();

auto limits() -> StorageLimits {
  StorageLimits limits;
  limits.tasks_per_job_max = 5000;
  limits.nodes_per_job_max = 48;
  limits.edges_per_job_max = 160;
  limits.payload_bytes_max = 32;
  return limits;
}

/// Takes choices off the front; 0 when there are none left.
class Choices {
 public:
  explicit Choices(std::string_view bytes) : rest_{bytes} {}
  auto byte() -> std::uint8_t {
    if (rest_.empty()) return 0;
    const auto value = static_cast<std::uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    return value;
  }
  template <class T, std::size_t N>
  auto of(const std::array<T, N>& values) -> T {
    return values[byte() % N];
  }

 private:
  std::string_view rest_;
};

auto name(Choices& choices) -> std::string {
  const std::array<std::string, 8> names{"work",      "a.b/c:d-e_f", "",           std::string(128, 'n'),
                                         "two words", "\xff\xfe",    {"\0nul", 4}, std::string(129, 'n')};
  const auto chosen = choices.byte();
  return chosen < 200 ? "t" + std::to_string(chosen) : names[chosen % names.size()];
}

auto duration(Choices& choices) -> Duration {
  return Duration{choices.of(std::array<std::int64_t, 6>{0, 0, 1, std::numeric_limits<std::int64_t>::max(),
                                                         -1, std::numeric_limits<std::int64_t>::min()})};
}

auto retry(Choices& choices) -> RetryPolicy {
  constexpr auto kInfinity = std::numeric_limits<double>::infinity();
  RetryPolicy retry;
  if (choices.byte() < 128) return retry;
  retry.attempts_max = choices.of(std::array<std::uint32_t, 4>{1, 1000, 0, 1001});
  retry.backoff_first = duration(choices);
  retry.backoff_max = duration(choices);
  retry.backoff_factor = choices.of(std::array{1.0, 100.0, 0.99, kNan, kInfinity, -1.0});
  return retry;
}

auto task(Choices& choices, std::size_t nodes) -> TaskSpec {
  TaskSpec task;
  task.handler = choices.byte() < 240 ? "work" : name(choices);
  if (choices.byte() >= 192) task.name = name(choices);
  task.count = choices.of(std::array<std::uint32_t, 8>{1, 1, 1, 2, 7, 1000, 0, UINT32_MAX});
  for (auto parents = choices.byte() % 6; parents > 0; --parents) {
    task.parents.push_back(static_cast<std::uint32_t>(choices.byte() % (nodes + 1)));
  }
  if (choices.byte() < 224) return task;
  task.input.assign(choices.byte() % 64, 'x');
  task.retry = retry(choices);
  task.timeout = duration(choices);
  task.estimate = duration(choices);
  task.instances_max = choices.byte() % 3;
  return task;
}

auto job(Choices& choices) -> JobSpec {
  JobSpec job;
  const auto odd = choices.byte();
  if ((odd & 1U) != 0) job.resource_group = name(choices);
  if ((odd & 2U) != 0) job.queue = name(choices);
  if ((odd & 4U) != 0) job.not_before = TimePoint{duration(choices)};
  if ((odd & 8U) != 0) job.deadline = TimePoint{duration(choices)};
  if ((odd & 16U) != 0) job.unique_key.assign(choices.byte() * 8U, 'k');
  if ((odd & 128U) != 0) job.weight = choices.of(std::array{1.0, 0.001, 1e6, 0.0, kNan, 1e7});
  const auto nodes = choices.byte() % kNodesMax;
  for (std::size_t node = 0; node < nodes; ++node) job.tasks.push_back(task(choices, nodes));
  if ((odd & 32U) != 0) job.commit = task(choices, 0);
  if ((odd & 64U) != 0) job.cleanup = task(choices, 0);
  return job;
}

auto require_sound(const TaskSpec& task, std::size_t nodes) -> void {
  require(is_valid_name(task.handler), "a handler is a valid name");
  require(task.name.empty() || is_valid_name(task.name), "a label is empty or a valid name");
  require(task.count >= 1 && task.instances_max >= 1, "counts are not 0");
  require(task.input.size() <= limits().payload_bytes_max, "payload_bytes_max holds");
  require(task.timeout >= Duration::zero() && task.estimate >= Duration::zero(), "times are not negative");
  require(task.retry.attempts_max >= 1 && task.retry.attempts_max <= 1000, "attempts are in range");
  require(task.retry.backoff_factor >= 1 && task.retry.backoff_factor <= 100, "the factor is in range");
  require(task.retry.backoff_first >= Duration::zero() && task.retry.backoff_max >= Duration::zero(),
          "back-offs are not negative");
  for (const auto parent : task.parents) require(parent < nodes, "a parent is a task of the job");
  const auto rest = life_cycle::backoff(task.retry, task.retry.attempts_max);
  require(rest >= Duration::zero() && rest <= std::max(task.retry.backoff_first, task.retry.backoff_max),
          "a back-off stays within its bounds");
}

auto require_sound(const JobSpec& job, const life_cycle::JobGraph& graph) -> void {
  require(is_valid_name(job.resource_group) && is_valid_name(job.queue), "names are valid");
  require(job.not_before >= TimePoint{} && job.deadline > job.not_before, "times are in order");
  require(job.unique_key.size() <= life_cycle::kUniqueKeyBytesMax, "the key is short enough");
  require(job.weight >= 0.001 && job.weight <= 1e6, "the weight is in range");
  require(!job.tasks.empty() || job.commit, "there is something to run");
  std::uint64_t tasks = 0;
  std::size_t edges = 0;
  for (const auto& task : job.tasks) {
    require_sound(task, job.tasks.size());
    tasks += task.count;
    edges += task.parents.size();
  }
  require(job.tasks.size() <= limits().nodes_per_job_max && edges <= limits().edges_per_job_max &&
              tasks <= limits().tasks_per_job_max,
          "the limits hold");
  require(graph.nodes() == job.tasks.size() && graph.tasks() == tasks, "the graph has the job's tasks");
  for (const auto* single : {&job.commit, &job.cleanup}) {
    if (!*single) continue;
    require_sound(**single, 0);
    require((*single)->count == 1, "a commit or cleanup task is single");
  }
}

/// Every task succeeds as soon as it may: each becomes ready once, after all its parents.
auto require_runs_to_its_end(const JobSpec& job, const life_cycle::JobGraph& graph) -> void {
  life_cycle::GraphProgress progress{graph};
  auto ready = life_cycle::GraphProgress::roots(graph);
  std::vector<bool> done(graph.nodes());
  for (std::size_t next = 0; next < ready.size(); ++next) {
    const auto node = ready[next];
    require(!done[node], "a task is ready once");
    for (const auto parent : job.tasks[node].parents) require(done[parent], "parents come first");
    for (std::uint32_t i = 0; i < graph.task_count(node); ++i) {
      require(graph.node_of(graph.first_task(node) + i) == node, "a task knows its node");
      progress.succeeded(graph, node, ready);
    }
    done[node] = true;
  }
  require(ready.size() == graph.nodes() && progress.complete(), "every task has its turn");
}

/// Whether some task can never be ready: what `cyclic_graph` claims.
auto is_stuck(const JobSpec& job) -> bool {
  std::vector<bool> done(job.tasks.size());
  std::size_t left = job.tasks.size();
  for (bool moved = true; moved && left > 0;) {
    moved = false;
    for (std::size_t node = 0; node < job.tasks.size(); ++node) {
      const auto& parents = job.tasks[node].parents;
      if (done[node] || !std::ranges::all_of(parents, [&](auto parent) { return done[parent]; })) continue;
      done[node] = moved = true;
      --left;
    }
  }
  return left > 0;
}

}  // namespace
}  // namespace spider::fuzz

extern "C" auto LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) -> int {
  using namespace spider;
  fuzz::Choices choices{fuzz::text_of(data, size)};
  const auto job = fuzz::job(choices);
  const auto graph = life_cycle::compile(job, fuzz::limits());
  if (graph) {
    fuzz::require_sound(job, graph.value());
    fuzz::require_runs_to_its_end(job, graph.value());
    const auto stored = detail::unpack_job(detail::pack(job));
    fuzz::require(stored && detail::pack(*stored) == detail::pack(job), "an accepted job can be stored");
    return 0;
  }
  fuzz::require_documented(
      graph.error(), {Errc::invalid_name, Errc::invalid_time, Errc::invalid_argument, Errc::limit_exceeded,
                      Errc::duplicate_name, Errc::unknown_parent, Errc::cyclic_graph, Errc::empty_graph});
  if (graph.error() == Errc::cyclic_graph) fuzz::require(fuzz::is_stuck(job), "a cycle is one");
  return 0;
}
