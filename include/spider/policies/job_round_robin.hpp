#pragma once

/// `job-round-robin`: the jobs in rotation offer one task each in turn; the others wait in line.
///
/// At most `active_jobs` jobs are in rotation, in a stable order: who leaves takes nobody's turn, who
/// joins goes to the end of the rotation. A job that has run dry stays in rotation until its turn comes;
/// if it is still dry then, it is retired and the job that has been pending longest joins. A job that
/// has had `turns_max` turns while others are pending goes to the end of the pending line.
///
/// Bound: a job with work is picked within A + T·A·⌈jobs / A⌉ picks, with A = `active_jobs`, T =
/// `turns_max`, and `jobs` the number of jobs with work at any one time: each lap of the rotation
/// takes at most A picks, and within T laps all that are in rotation have made room for A others.
///
/// Cost: O(1) per arrival; `pick` O(1) amortised, at most O(A) when all in rotation have run dry.

#include "spider/scheduling_policy.hpp"

#include <cstdint>
#include <memory>

namespace spider {
inline namespace v1 {

struct JobRoundRobinOptions {
  std::uint32_t active_jobs = 64;  ///< ≥ 1
  std::uint32_t turns_max = 16;    ///< ≥ 1
};

[[nodiscard]] auto job_round_robin_picker(JobRoundRobinOptions options = {}) -> std::unique_ptr<GroupPicker>;

/// `job-round-robin` over jobs; within a job `inner`, or `fifo` where it is empty. Remembers
/// 2 · `active_jobs` dry jobs, so that each one in rotation keeps its place.
[[nodiscard]] auto make_job_round_robin(PolicyFactory inner = {}, JobRoundRobinOptions options = {})
    -> std::unique_ptr<SchedulingPolicy>;

}  // namespace v1
}  // namespace spider
