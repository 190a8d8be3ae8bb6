#pragma once

/// An observer that counts: events, waits, run times, folds, as the text that Prometheus scrapes
/// (exposition format 0.0.4).
///
///   auto metrics = std::make_shared<Metrics>(MetricsOptions{});
///   Scheduler scheduler{executor, {.handlers = handlers, .observer = metrics}};
///   … serve metrics->text() over HTTP
///
/// | name                                  | type      | labels             | from                          |
/// |---------------------------------------|-----------|--------------------|-------------------------------|
/// | spider_events_total                   | counter   | kind               | every event                   |
/// | spider_dispatch_wait_seconds          | histogram | class              | dispatched: since ready       |
/// | spider_start_wait_seconds             | histogram |                    | task_started: since ready     |
/// | spider_run_seconds                    | histogram | outcome            | task_succeeded, task_failed   |
/// | spider_deferral_seconds               | histogram |                    | task_deferred: put off for    |
/// | spider_group_started_total            | counter   | group              | task_started                  |
/// | spider_group_wait_seconds_total       | counter   | group              | task_started                  |
/// | spider_redelivered_total              | counter   |                    | dispatched, polled before     |
/// | spider_stale_entries_dropped_total    | counter   |                    | stale_batch_dropped           |
/// | spider_buffered_entries_dropped_total | counter   |                    | job_dropped, session_bumped   |
/// | spider_handed_back_total              | counter   |                    | left, lost; leases lapsed     |
/// | spider_managers                       | gauge     |                    | joined − left − lost          |
/// | spider_runs_total                     | counter   | operation          | task_started, with a key      |
/// | spider_folds_total                    | counter   | operation, at      | what a start, a submit folded |
/// | spider_not_folded_total               | counter   | operation, at, why | why not, when nothing did     |
///
/// Label sets are bounded: what does not fit counts under the value "other". Classes 0 … 7 have a value
/// each; groups and operations as many as the options say, the first that come.
///
/// Thread-safe. An event without an operation costs some relaxed atomic additions, one with an operation a
/// short lock. Memory is allocated at construction, and for a new operation.

#include "spider/observer.hpp"

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

namespace spider {
inline namespace v1 {

struct MetricsOptions {
  std::size_t groups_max = 64;      ///< label values of resource groups, by id; at most 65,536
  std::size_t operations_max = 64;  ///< label values of operations
};

class Metrics final : public Observer {
 public:
  explicit Metrics(MetricsOptions options);
  ~Metrics() override;

  auto observe(const Event& event) noexcept -> void override;

  /// Adds a gauge that is read at every `text()`, on its thread: a depth, a size. `read` must not call
  /// back into this object. Errors: `invalid_name` unless `name` is [a-zA-Z_:][a-zA-Z0-9_:]*;
  /// `duplicate_name`.
  [[nodiscard]] auto add_gauge(std::string name, std::string help, std::function<double()> read)
      -> Result<void>;

  /// All of it, in a fixed order. Figures of one histogram may be some events apart while events arrive.
  [[nodiscard]] auto text() const -> std::string;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace v1
}  // namespace spider
