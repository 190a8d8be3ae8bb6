#include "cli/report/load_curve.hpp"

#include <algorithm>

namespace spider::cli {

auto LoadCurve::add(TimePoint at, std::uint64_t queued, std::uint64_t running) -> void {
  if (!begun_) begin_ = last_ = at;
  begun_ = true;
  while (at > last_ && (at - begin_ - Duration{1}) / width_ >= static_cast<std::int64_t>(kBinsMax)) widen();
  while (last_ < at) {
    const auto bin = static_cast<std::size_t>((last_ - begin_) / width_);
    const auto bin_end = begin_ + width_ * static_cast<std::int64_t>(bin + 1);
    const auto until = std::min(at, bin_end);
    if (sums_.size() <= bin) sums_.resize(bin + 1);
    auto& sum = sums_[bin];
    const auto lasted = static_cast<double>((until - last_).count());
    sum.queued_max = std::max(sum.queued_max, queued_);
    sum.running_max = std::max(sum.running_max, running_);
    sum.queued += static_cast<double>(queued_) * lasted;
    sum.running += static_cast<double>(running_) * lasted;
    last_ = until;
  }
  queued_ = queued;
  running_ = running;
}

auto LoadCurve::widen() -> void {
  for (std::size_t i = 0; i < sums_.size(); i += 2) {
    auto sum = sums_[i];
    if (i + 1 < sums_.size()) {
      const auto& next = sums_[i + 1];
      sum.queued_max = std::max(sum.queued_max, next.queued_max);
      sum.running_max = std::max(sum.running_max, next.running_max);
      sum.queued += next.queued;
      sum.running += next.running;
    }
    sums_[i / 2] = sum;
  }
  sums_.resize((sums_.size() + 1) / 2);
  width_ *= 2;
}

auto LoadCurve::bins() const -> std::vector<Bin> {
  std::vector<Bin> bins;
  bins.reserve(sums_.size());
  for (std::size_t i = 0; i < sums_.size(); ++i) {
    const auto from = begin_ + width_ * static_cast<std::int64_t>(i);
    const auto lasted = static_cast<double>((std::min(last_, from + width_) - from).count());
    bins.push_back({.queued_max = sums_[i].queued_max,
                    .running_max = sums_[i].running_max,
                    .queued_mean = sums_[i].queued / lasted,
                    .running_mean = sums_[i].running / lasted});
  }
  return bins;
}

}  // namespace spider::cli
