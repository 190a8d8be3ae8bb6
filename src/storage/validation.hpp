#pragma once

/// The checks of a JobSpec that look at one value at a time; `compile` adds those on the whole graph.

#include "spider/job.hpp"
#include "spider/storage.hpp"

#include <string>

namespace spider::inline v1::life_cycle {

/// "task 3 'resize'", for the detail of an error.
[[nodiscard]] auto describe_node(const JobSpec& job, std::uint32_t node) -> std::string;

[[nodiscard]] auto check_values(const JobSpec& job, const StorageLimits& limits) -> Result<void>;

}  // namespace spider::inline v1::life_cycle
