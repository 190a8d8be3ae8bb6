#pragma once

/// Keeps what happens in a run, for the page that `spider run --report` writes: 32 bytes per task instance
/// and a curve of bounded size. One strand, as the monitor.

#include "cli/report/instance_record.hpp"
#include "cli/report/load_curve.hpp"
#include "cli/run/monitor.hpp"
#include "cli/workload/workload.hpp"
#include "spider/observer.hpp"

#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

namespace spider::cli {

struct RecordedJob {
  JobId id;  ///< the storage's
  const WorkloadJob* job = nullptr;
};

/// What a recorder has heard.
struct RunRecord {
  std::deque<InstanceRecord> instances;  ///< in the order of `begin`
  std::size_t members = 0;               ///< one more than the greatest `member`
  LoadCurve load;
  std::vector<RecordedJob> jobs;  ///< of the whole run; their workloads outlive this
  TimePoint first_submit{};       ///< ever, also before this process
  bool resumed = false;           ///< a part of the run had been done before
};

class RunRecorder final : public Observer {
 public:
  struct Beginning {
    std::shared_ptr<Observer> next;  ///< every event is handed on to it
    const Monitor* monitor;          ///< lives until `end`
    ManagerId first_manager;         ///< of the members, whose numbers follow each other; 0: drawn at random
    bool resumed = false;
  };
  /// Before the first event.
  auto begin(Beginning beginning) -> void;

  auto observe(const Event& event) noexcept -> void override;

  struct Ending {
    std::vector<RecordedJob> jobs;
    TimePoint first_submit{};
    TimePoint now{};
    std::optional<TimePoint> lost_at;  ///< when what still runs was lost; else now
  };
  /// The run is over.
  auto end(Ending ending) -> void;

  /// After `end`.
  [[nodiscard]] auto record() const noexcept -> const RunRecord& { return record_; }

 private:
  struct Member {
    ManagerId manager;
    std::unordered_map<TaskRef, std::size_t> running;  // positions in the record
  };

  auto member_of(ManagerId manager) -> std::uint16_t;
  auto started(const Event& event) -> void;
  auto ended(const Event& event, TimePoint end, InstanceEnd how) -> void;

  Beginning beginning_{};
  std::vector<Member> members_;
  RunRecord record_;
};

}  // namespace spider::cli
