#include "cli/run/run_history.hpp"

#include "spider/storage/life_cycle.hpp"
#include "spider/storage/sqlite.hpp"

#include <algorithm>
#include <limits>
#include <tuple>
#include <utility>

namespace spider::cli {

namespace {

/// One line of the history.
struct Happened {
  enum class What : std::uint8_t { submitted, started, finished, ended };

  TimePoint at{};
  std::uint32_t order = 0;  ///< of what happened at one instant: causes first
  std::uint32_t job = 0;    ///< its number
  What what = What::submitted;
  bool succeeded = false;
  TaskId task{};
  JobState end = JobState::ready;
};

/// For each node the length of the longest path to it: parents have smaller ones.
auto depths(const life_cycle::JobGraph& graph) -> std::vector<std::uint32_t> {
  std::vector<std::uint32_t> depth(graph.nodes());
  std::vector<std::uint32_t> parents_left(graph.nodes());
  for (std::uint32_t node = 0; node < graph.nodes(); ++node) parents_left[node] = graph.parents(node);
  auto ready = life_cycle::GraphProgress::roots(graph);
  while (!ready.empty()) {
    const auto node = ready.back();
    ready.pop_back();
    for (const auto child : graph.children(node)) {
      depth[child] = std::max(depth[child], depth[node] + 1);
      if (--parents_left[child] == 0) ready.push_back(child);
    }
  }
  return depth;
}

class HistoryReader {
 public:
  HistoryReader(Storage& storage, RunKey key, std::size_t jobs, SpecOfJob spec_of)
      : storage_{storage}, key_{std::move(key)}, spec_of_{std::move(spec_of)} {
    history_.jobs.resize(jobs);
    history_.has_ended.resize(jobs);
  }

  auto read() -> Async<void>;
  auto tell(Monitor& monitor) -> Result<void>;
  auto take() -> RunHistory { return std::move(history_); }

 private:
  auto read_job(JobView view) -> Async<void>;
  auto add_task(std::uint32_t number, const TaskView& task, std::uint32_t depth) -> void;
  auto add(Happened happened) -> void {
    history_.latest = std::max(history_.latest, happened.at);
    happened_.push_back(happened);
  }

  Storage& storage_;
  RunKey key_;
  SpecOfJob spec_of_;
  RunHistory history_;
  std::vector<Happened> happened_;
};

auto HistoryReader::read() -> Async<void> {
  JobFilter filter;
  filter.max = storage_.limits().page_items_max;
  while (true) {
    SPIDER_CO_TRY(const auto views, co_await storage_.list(filter));
    for (const auto& view : views) {
      SPIDER_CO_TRY(co_await read_job(view));
    }
    if (views.size() < filter.max) co_return success();
    filter.after = views.back().id;
  }
}

auto HistoryReader::read_job(JobView view) -> Async<void> {
  const auto known = key_.number(view.unique_key);
  if (!known || *known >= history_.jobs.size()) {
    co_return Error{make_error_code(SqliteErrc::foreign_file),
                    "job " + std::to_string(view.id.value) + " was not submitted by this run"};
  }
  const auto number = static_cast<std::uint32_t>(*known);
  history_.jobs[number] = view.id;
  ++history_.submitted;
  history_.begun = std::min(history_.begun, view.created_at);
  add({.at = view.created_at, .job = number, .what = Happened::What::submitted});
  if (has_ended(view.state)) {
    history_.has_ended[number] = true;
    ++history_.ended;
    add({.at = view.ended_at,
         .order = std::numeric_limits<std::uint32_t>::max(),
         .job = number,
         .what = Happened::What::ended,
         .end = view.state});
  }
  SPIDER_CO_TRY(const auto spec, spec_of_(number));
  SPIDER_CO_TRY(const auto graph, life_cycle::compile(spec, storage_.limits()));
  const auto depth = depths(graph);
  Page page;
  page.max = storage_.limits().page_items_max;
  for (; page.first < graph.tasks(); page.first += page.max) {
    SPIDER_CO_TRY(const auto tasks, co_await storage_.view_tasks(view.id, page));
    for (const auto& task : tasks) {
      if (task.id.kind() == TaskKind::regular) add_task(number, task, depth[graph.node_of(task.id.index())]);
    }
  }
  co_return success();
}

auto HistoryReader::add_task(std::uint32_t number, const TaskView& task, std::uint32_t depth) -> void {
  history_.manager = std::max(history_.manager, task.manager);
  if (task.started_at == kForever) return;
  history_.latest = std::max(history_.latest, task.started_at);
  if (!has_ended(task.state)) return;
  add({.at = task.started_at,
       .order = 1 + 2 * depth,
       .job = number,
       .what = Happened::What::started,
       .task = task.id});
  if (task.state == TaskState::cancelled) return;
  add({.at = task.ended_at,
       .order = 2 + 2 * depth,
       .job = number,
       .what = Happened::What::finished,
       .succeeded = task.state == TaskState::succeeded,
       .task = task.id});
}

auto HistoryReader::tell(Monitor& monitor) -> Result<void> {
  std::ranges::sort(happened_, {}, [](const auto& happened) {
    return std::tuple{happened.at, happened.order, happened.job, happened.task};
  });
  for (const auto& happened : happened_) {
    const auto job = history_.jobs[happened.job];
    const TaskRef task{job, happened.task};
    switch (happened.what) {
      case Happened::What::submitted: {
        SPIDER_TRY(const auto spec, spec_of_(happened.job));
        monitor.submitted(job, spec, happened.at);
        break;
      }
      case Happened::What::started: monitor.started(task, happened.at); break;
      case Happened::What::finished: {
        const auto kind = happened.succeeded ? FinishRequest::Kind::succeeded : FinishRequest::Kind::failed;
        monitor.finished(task, kind, false, happened.at);
        break;
      }
      case Happened::What::ended: monitor.ended(job, happened.end, happened.at); break;
    }
  }
  return success();
}

}  // namespace

auto read_run_history(Storage& storage, RunKey key, std::size_t jobs, SpecOfJob spec_of, Monitor& monitor)
    -> Async<RunHistory> {
  HistoryReader reader{storage, std::move(key), jobs, std::move(spec_of)};
  SPIDER_CO_TRY(co_await reader.read());
  SPIDER_CO_TRY(reader.tell(monitor));
  co_return reader.take();
}

}  // namespace spider::cli
