#include "spider/pull/cpu_load.hpp"

#include "pull/cpu_files.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

namespace spider {
inline namespace v1 {

namespace {

using detail::CpuSample;

/// The highest load between two readings; none when no source has two samples with processor time between.
auto load_between(const std::vector<CpuSample>& before, const std::vector<CpuSample>& now)
    -> std::optional<double> {
  std::optional<double> highest;
  for (const auto& sample : now) {
    const auto earlier = std::ranges::find(before, sample.source, &CpuSample::source);
    if (earlier == before.end()) continue;
    const auto total = sample.total - earlier->total;
    const auto used = sample.used - earlier->used;
    if (!(total > 0) || !(used >= 0)) continue;  // no processors, or a counter that began anew
    highest = std::max(highest.value_or(0), 100 * used / total);
  }
  return highest;
}

class CpuLoad final : public LoadProbe {
 public:
  explicit CpuLoad(CpuLoadOptions options) : options_{std::move(options)} {}

  auto percent(TimePoint now) -> Result<double> override {
    if (read_at_ && now < saturating_add(*read_at_, options_.read_interval)) return answer_;
    read_at_ = now;
    answer_ = read(now);
    return answer_;
  }

 private:
  static constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

  auto read(TimePoint now) -> Result<double> {
    SPIDER_TRY(auto samples, detail::read_cpu(options_, now));
    const auto load = load_between(samples_, samples);
    const auto elapsed = now - std::exchange(sampled_at_, now);
    samples_ = std::move(samples);
    if (!load) return kUnknown;
    const auto weight = 1 - std::exp(-to_seconds(elapsed) / to_seconds(options_.average_over));
    average_ = average_ ? *average_ + (*load - *average_) * weight : *load;
    return *average_;
  }

  const CpuLoadOptions options_;
  std::optional<TimePoint> read_at_;
  Result<double> answer_ = kUnknown;
  std::vector<CpuSample> samples_;
  TimePoint sampled_at_{};
  std::optional<double> average_;
};

}  // namespace

auto make_cpu_load(CpuLoadOptions options) -> Result<std::unique_ptr<LoadProbe>> {
  if (options.read_interval <= Duration::zero())
    return Error{Errc::invalid_argument, "CPU load: read_interval is not positive"};
  if (options.average_over <= Duration::zero())
    return Error{Errc::invalid_argument, "CPU load: average_over is not positive"};
  return std::unique_ptr<LoadProbe>{std::make_unique<CpuLoad>(std::move(options))};
}

}  // namespace v1
}  // namespace spider
