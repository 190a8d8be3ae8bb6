#pragma once

/// Jobs and tasks as an operator reads them: lines of a table, and JSON.

#include "spider/job_client.hpp"

#include <nlohmann/json_fwd.hpp>

#include <iosfwd>
#include <span>
#include <string>

namespace spider::cli {

/// "2026-11-21T14:22:23.123Z"; "-" for kForever.
[[nodiscard]] auto time_text(TimePoint at) -> std::string;

[[nodiscard]] auto to_json(const JobView& job) -> nlohmann::ordered_json;
[[nodiscard]] auto to_json(const TaskView& task) -> nlohmann::ordered_json;

auto print_jobs(std::ostream& out, std::span<const JobView> jobs) -> void;
auto print_job(std::ostream& out, const JobView& job) -> void;
auto print_tasks(std::ostream& out, std::span<const TaskView> tasks) -> void;

}  // namespace spider::cli
