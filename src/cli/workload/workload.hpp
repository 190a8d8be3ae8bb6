#pragma once

/// A workload: the jobs that a file or a generator describes, before anything is submitted.
///
/// The readers (wfformat.hpp, swf.hpp, stage_csv.hpp, synthetic.hpp) make workloads, metrics.hpp
/// measures them, and the commands of the `spider` program run them. What a reader returns holds to
/// the invariants stated here, so nobody downstream checks again. Plain values, no threads.

#include "spider/types.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace spider::cli {

/// What a task really ran: a program and its arguments as they are, for no shell to interpret.
struct ProcessCommand {
  std::string program;  ///< not empty
  std::vector<std::string> arguments;
};

/// One node of a job's graph: a single task, or an array of `count` like tasks. A dependency
/// between two nodes means: all tasks of the parent end before any task of the child starts.
struct WorkloadTask {
  std::string name;         ///< unique within the job; as the file has it, not necessarily a valid name
  std::string category;     ///< the type of work, where the file says; may be empty
  Duration run_time{};      ///< of each of the `count` tasks; ≥ 0
  std::uint32_t count = 1;  ///< ≥ 1
  std::vector<std::uint32_t> parents;  ///< positions in WorkloadJob::tasks, distinct, in the file's order

  /// The order in which the file wants this task's children released, as positions in
  /// WorkloadJob::tasks. Empty where that is the order of the tasks, which is what a storage does by
  /// itself; only a file with an unusual `children` array says otherwise, and whoever reproduces a
  /// recorded first-come-first-served schedule exactly honours it.
  std::vector<std::uint32_t> children_order;

  std::optional<ProcessCommand> command;
};

/// One job: an acyclic graph of at least one task.
struct WorkloadJob {
  std::string name;
  std::string group;                ///< its resource group; a valid name
  PriorityClass priority = 0;       ///< 0 = most urgent
  Duration arrival{};               ///< since the earliest arrival of the workload; ≥ 0
  std::vector<WorkloadTask> tasks;  ///< in the file's order
};

/// Records that describe no work to run, and why.
struct SkippedRecords {
  std::string reason;
  std::uint64_t count = 0;
};

/// What an SWF log says beyond its jobs. Counts of distinct values leave out -1, "unknown".
struct SwfFigures {
  std::uint64_t records = 0;
  std::uint64_t users = 0;
  std::uint64_t user_groups = 0;
  std::uint64_t queues = 0;
  std::uint64_t partitions = 0;
  std::uint64_t processors_max = 0;      ///< of one record, usable or not
  Duration submit_span{};                ///< last minus first submit time, over all records
  std::uint64_t machine_processors = 0;  ///< MaxProcs of the header: the size of the machine; 0 = not stated
};

/// What a stage CSV says beyond its jobs.
struct StageFigures {
  std::uint64_t duplicate_parents = 0;  ///< repeated mentions of a parent in the name of a stage
  std::uint64_t outside_grammar = 0;    ///< stages whose name says nothing about parents
};

/// Jobs in the file's order; arrivals need not be sorted.
struct Workload {
  std::string name;    ///< the file, or the specification of a synthetic workload
  std::string format;  ///< "WfFormat 1.5", "SWF", …; for people
  std::vector<WorkloadJob> jobs;
  std::vector<SkippedRecords> skipped;  ///< reasons that occurred
  Duration first_arrival{};             ///< on the file's own scale
  std::optional<SwfFigures> swf;
  std::optional<StageFigures> stages;
};

/// What a reader accepts; anything larger is `Errc::limit_exceeded`.
struct WorkloadLimits {
  std::size_t text_bytes_max = std::size_t{256} << 20U;  ///< of one file, unpacked
  std::size_t json_depth_max = 64;                       ///< of nested arrays and objects
  std::size_t nodes_max = 10'000'000;                    ///< of one file: tasks, stages or records
  std::uint64_t tasks_per_job_max = TaskId::kIndexMax;   ///< with the tasks of arrays counted singly
};

/// `text` as a valid name (`is_valid_name`): other characters become '_', the end is cut off, and
/// nothing at all becomes "_". Not injective.
[[nodiscard]] auto to_valid_name(std::string_view text) -> std::string;

/// The file's name without folders and without its extensions, as a valid name: "traces/a.swf.gz" is
/// "a". The resource group of jobs whose file names none.
[[nodiscard]] auto group_of_file(std::string_view path) -> std::string;

}  // namespace spider::cli
