#pragma once

/// A JobSpec as bytes, for the column `job_spec.body`. Fixed-width little-endian numbers behind a format
/// number; only ever read by Spider.

#include "spider/job.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace spider::inline v1::detail {

[[nodiscard]] auto pack(const JobSpec& spec) -> std::string;
/// None when the bytes were not made by `pack`.
[[nodiscard]] auto unpack_job(std::string_view bytes) -> std::optional<JobSpec>;

}  // namespace spider::inline v1::detail
