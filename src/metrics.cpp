#include "spider/metrics.hpp"

#include "metrics_text.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <limits>
#include <map>
#include <mutex>
#include <vector>

namespace spider {
inline namespace v1 {

namespace {

using detail::Histogram;
using detail::MetricsText;

constexpr std::size_t kClassesCounted = 8;
constexpr std::size_t kGroupsMax = 65'536;
constexpr auto kRelaxed = std::memory_order_relaxed;

using Counter = std::atomic<std::uint64_t>;

auto add(Counter& counter, std::uint64_t count = 1) noexcept -> void { counter.fetch_add(count, kRelaxed); }

/// What is counted of one resource group. `id` 0: nobody's yet.
struct GroupCounts {
  Counter id{0};
  Counter started{0};
  Counter wait_ns{0};
};

struct OperationCounts {
  std::uint64_t runs = 0;
  std::array<std::uint64_t, 2> folds{};                                  // at a start, at a submit
  std::array<std::array<std::uint64_t, kFoldOutcomes>, 2> not_folded{};  // by outcome
};

constexpr std::array<const char*, 2> kAt = {"start", "submit"};

}  // namespace

struct Metrics::State {
  explicit State(const MetricsOptions& with) : options{with}, groups(std::min(with.groups_max, kGroupsMax)) {}

  auto group(ResourceGroupId id) noexcept -> GroupCounts&;
  auto count_group(const Event& event) noexcept -> void;
  auto count_operation(const Event& event, std::size_t at) -> void;
  auto write_histograms(MetricsText& out) const -> void;
  auto write_groups(MetricsText& out) const -> void;
  auto write_operations(MetricsText& out) const -> void;
  auto write_gauges(MetricsText& out) const -> void;

  struct Gauge {
    std::string help;
    std::function<double()> read;
  };

  MetricsOptions options;
  std::array<Counter, kEventKinds> events{};
  std::array<Histogram, kClassesCounted + 1> dispatch_wait;
  Histogram start_wait;
  std::array<Histogram, 2> run;  // succeeded, failed
  Histogram deferral;
  Counter redelivered{0};
  Counter stale_dropped{0};
  Counter buffered_dropped{0};
  Counter handed_back{0};
  std::vector<GroupCounts> groups;  // filled from the front
  GroupCounts other_groups;

  mutable std::mutex mutex;  // guards what follows
  std::map<std::string, OperationCounts, std::less<>> operations;
  std::map<std::string, Gauge, std::less<>> gauges;
};

/// Groups get their place at their first event. A scan, because the front holds who came first.
auto Metrics::State::group(ResourceGroupId id) noexcept -> GroupCounts& {
  for (auto& place : groups) {
    auto owner = place.id.load(kRelaxed);
    if (owner == 0 && place.id.compare_exchange_strong(owner, id.value, kRelaxed)) return place;
    if (owner == id.value) return place;
  }
  return other_groups;
}

auto Metrics::State::count_group(const Event& event) noexcept -> void {
  auto& counts = event.group ? group(event.group) : other_groups;
  add(counts.started);
  add(counts.wait_ns, static_cast<std::uint64_t>(std::max<std::int64_t>(event.duration.count(), 0)));
}

auto Metrics::State::count_operation(const Event& event, std::size_t at) -> void {
  const std::scoped_lock lock{mutex};
  auto found = operations.find(event.operation);
  if (found == operations.end()) {
    const bool room = operations.size() < options.operations_max;
    found = operations.try_emplace(room ? std::string{event.operation} : std::string{"other"}).first;
  }
  auto& counts = found->second;
  if (at == 0) ++counts.runs;
  if (event.fold == FoldOutcome::folded) {
    counts.folds[at] += at == 0 ? event.count : 1;
  } else {
    ++counts.not_folded[at][static_cast<std::size_t>(event.fold)];
  }
}

Metrics::Metrics(MetricsOptions options) : state_{std::make_unique<State>(options)} {}
Metrics::~Metrics() = default;

auto Metrics::observe(const Event& event) noexcept -> void {
  auto& state = *state_;
  add(state.events[static_cast<std::size_t>(event.kind)]);
  switch (event.kind) {
    case EventKind::dispatched:
      state.dispatch_wait[std::min<std::size_t>(event.priority, kClassesCounted)].add(event.duration);
      if (event.deliveries > 0) add(state.redelivered);
      break;
    case EventKind::task_started:
      state.start_wait.add(event.duration);
      state.count_group(event);
      if (!event.operation.empty()) state.count_operation(event, 0);
      break;
    case EventKind::job_submitted:
      if (!event.operation.empty()) state.count_operation(event, 1);
      break;
    case EventKind::task_succeeded: state.run[0].add(event.duration); break;
    case EventKind::task_failed: state.run[1].add(event.duration); break;
    case EventKind::task_deferred: state.deferral.add(event.duration); break;
    case EventKind::stale_batch_dropped: add(state.stale_dropped, event.count); break;
    case EventKind::job_dropped:
    case EventKind::session_bumped: add(state.buffered_dropped, event.count); break;
    case EventKind::manager_left:
    case EventKind::manager_lost: add(state.handed_back, event.count); break;
    case EventKind::assignment_expired: add(state.handed_back); break;
    default: break;
  }
}

auto Metrics::add_gauge(std::string name, std::string help, std::function<double()> read) -> Result<void> {
  if (!detail::is_metric_name(name)) return Error{Errc::invalid_name, "gauge '" + name.substr(0, 128) + '\''};
  const std::scoped_lock lock{state_->mutex};
  const auto added = state_->gauges.try_emplace(name, State::Gauge{std::move(help), std::move(read)}).second;
  if (!added) return Error{Errc::duplicate_name, "gauge " + name};
  return success();
}

auto Metrics::State::write_histograms(MetricsText& out) const -> void {
  out.begin("spider_dispatch_wait_seconds", "histogram", "From ready to dispatched, by class.");
  for (std::size_t i = 0; i <= kClassesCounted; ++i) {
    if (dispatch_wait[i].count() == 0) continue;
    out.histogram({{"class", i < kClassesCounted ? std::to_string(i) : "other"}}, dispatch_wait[i]);
  }
  out.begin("spider_start_wait_seconds", "histogram", "From ready to started.");
  out.histogram({}, start_wait);
  out.begin("spider_run_seconds", "histogram", "Of an attempt, by outcome.");
  out.histogram({{"outcome", "succeeded"}}, run[0]);
  out.histogram({{"outcome", "failed"}}, run[1]);
  out.begin("spider_deferral_seconds", "histogram", "How long tasks were put off.");
  out.histogram({}, deferral);
}

auto Metrics::State::write_groups(MetricsText& out) const -> void {
  const auto each = [&](const auto& write) {
    for (const auto& place : groups) {
      const auto id = place.id.load(kRelaxed);
      if (id != 0) write(std::to_string(id), place);
    }
    if (other_groups.started.load(kRelaxed) > 0) write("other", other_groups);
  };
  out.begin("spider_group_started_total", "counter", "Tasks started, by resource group.");
  each([&](const std::string& name, const GroupCounts& counts) {
    out.sample({{"group", name}}, static_cast<double>(counts.started.load(kRelaxed)));
  });
  out.begin("spider_group_wait_seconds_total", "counter", "Waits until the start, by resource group.");
  each([&](const std::string& name, const GroupCounts& counts) {
    out.sample({{"group", name}}, static_cast<double>(counts.wait_ns.load(kRelaxed)) / 1e9);
  });
}

auto Metrics::State::write_operations(MetricsText& out) const -> void {
  const std::scoped_lock lock{mutex};
  out.begin("spider_runs_total", "counter", "Runs of tasks with a coalesce key.");
  for (const auto& [name, counts] : operations) {
    out.sample({{"operation", name}}, static_cast<double>(counts.runs));
  }
  out.begin("spider_folds_total", "counter", "Tasks and jobs that need no run of their own.");
  for (const auto& [name, counts] : operations) {
    for (std::size_t at = 0; at < kAt.size(); ++at) {
      out.sample({{"operation", name}, {"at", kAt[at]}}, static_cast<double>(counts.folds[at]));
    }
  }
  out.begin("spider_not_folded_total", "counter", "Looks for equivalent work that folded nothing, and why.");
  for (const auto& [name, counts] : operations) {
    for (std::size_t at = 0; at < kAt.size(); ++at) {
      for (std::size_t why = 0; why < kFoldOutcomes; ++why) {
        if (counts.not_folded[at][why] == 0) continue;
        const auto reason = to_string(static_cast<FoldOutcome>(why));
        out.sample({{"operation", name}, {"at", kAt[at]}, {"why", std::string{reason}}},
                   static_cast<double>(counts.not_folded[at][why]));
      }
    }
  }
}

auto Metrics::State::write_gauges(MetricsText& out) const -> void {
  const auto seen = [&](EventKind kind) {
    return static_cast<double>(events[static_cast<std::size_t>(kind)].load(kRelaxed));
  };
  out.begin("spider_managers", "gauge", "Execution managers on record.");
  out.sample({},
             seen(EventKind::manager_joined) - seen(EventKind::manager_left) - seen(EventKind::manager_lost));
  const auto copy = [&] {
    const std::scoped_lock lock{mutex};
    return gauges;
  }();
  for (const auto& [name, gauge] : copy) {
    out.begin(name, "gauge", gauge.help);
    out.sample({}, gauge.read());
  }
}

auto Metrics::text() const -> std::string {
  MetricsText out;
  out.begin("spider_events_total", "counter", "Events, by kind.");
  for (std::size_t kind = 0; kind < kEventKinds; ++kind) {
    out.sample({{"kind", std::string{to_string(static_cast<EventKind>(kind))}}},
               static_cast<double>(state_->events[kind].load(kRelaxed)));
  }
  state_->write_histograms(out);
  state_->write_groups(out);
  const auto total = [&](const char* name, const char* help, const Counter& counter) {
    out.begin(name, "counter", help);
    out.sample({}, static_cast<double>(counter.load(kRelaxed)));
  };
  total("spider_redelivered_total", "Dispatched entries that had been polled before.", state_->redelivered);
  total("spider_stale_entries_dropped_total", "Entries of superseded sessions.", state_->stale_dropped);
  total("spider_buffered_entries_dropped_total", "Buffered entries of ended jobs or sessions.",
        state_->buffered_dropped);
  total("spider_handed_back_total", "Assignments handed back.", state_->handed_back);
  state_->write_operations(out);
  state_->write_gauges(out);
  return std::move(out).text();
}

}  // namespace v1
}  // namespace spider
