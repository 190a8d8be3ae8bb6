#include "cli/report/timeline.hpp"

#include <algorithm>
#include <functional>
#include <queue>
#include <utility>

namespace spider::cli {

namespace {

/// The rows of one member.
class MemberRows {
 public:
  auto take(TimePoint begin, TimePoint end) -> std::uint32_t {
    while (!busy_.empty() && busy_.top().first <= begin) {
      free_.push(busy_.top().second);
      busy_.pop();
    }
    auto row = rows_;
    if (free_.empty()) {
      ++rows_;
    } else {
      row = free_.top();
      free_.pop();
    }
    busy_.emplace(end, row);
    return row;
  }
  [[nodiscard]] auto rows() const noexcept -> std::uint32_t { return rows_; }

 private:
  using Busy = std::pair<TimePoint, std::uint32_t>;  // until when, and the row

  std::uint32_t rows_ = 0;
  std::priority_queue<std::uint32_t, std::vector<std::uint32_t>, std::greater<>> free_;
  std::priority_queue<Busy, std::vector<Busy>, std::greater<>> busy_;
};

}  // namespace

auto assign_rows(const std::deque<InstanceRecord>& instances, std::size_t members) -> TimelineRows {
  TimelineRows rows;
  std::vector<MemberRows> by_member(members);
  rows.of.reserve(instances.size());
  for (const auto& instance : instances) {
    rows.of.push_back(by_member[instance.member].take(instance.begin, instance.end));
  }
  for (const auto& member : by_member) rows.per_member.push_back(member.rows());
  return rows;
}

WorkerTime::WorkerTime(Size size, TimePoint begin, TimePoint end)
    : size_{size},
      begin_{begin},
      column_ns_{static_cast<double>((end - begin).count()) / static_cast<double>(size.columns)},
      cells_(size.rows * size.columns * size.colours) {}

auto WorkerTime::add(const InstanceRecord& instance, std::size_t row, std::size_t colour) -> void {
  const auto columns = static_cast<double>(size_.columns);
  const auto place = [&](TimePoint at) {
    return std::clamp(static_cast<double>((at - begin_).count()) / column_ns_, 0.0, columns);
  };
  const auto from = place(instance.begin);
  const auto until = place(instance.end);
  for (auto column = static_cast<std::size_t>(from); column < size_.columns; ++column) {
    const auto first = std::max(from, static_cast<double>(column));
    const auto last = std::min(until, static_cast<double>(column + 1));
    if (last <= first) break;
    cells_[(row * size_.columns + column) * size_.colours + colour] += last - first;
  }
}

}  // namespace spider::cli
