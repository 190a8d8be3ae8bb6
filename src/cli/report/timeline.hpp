#pragma once

/// Where task instances stand in a picture of the workers: on which row, and how busy the rows are. Pure.

#include "cli/report/instance_record.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

namespace spider::cli {

/// Each instance on the lowest row of its member that is free when it begins, as if rows were task slots.
struct TimelineRows {
  std::vector<std::uint32_t> of;          ///< by position of the instance; counted within its member
  std::vector<std::uint32_t> per_member;  ///< how many rows each has
};

/// `instances` in the order of `begin`; each one's member is below `members`.
[[nodiscard]] auto assign_rows(const std::deque<InstanceRecord>& instances, std::size_t members)
    -> TimelineRows;

/// Worker time by cell of a grid of rows and columns, and by colour. A column is an equal part of a span of
/// time.
class WorkerTime {
 public:
  struct Size {
    std::size_t rows = 1;
    std::size_t columns = 1;
    std::size_t colours = 1;
  };

  /// `end` > `begin`.
  WorkerTime(Size size, TimePoint begin, TimePoint end);

  /// What of the instance lies in the span.
  auto add(const InstanceRecord& instance, std::size_t row, std::size_t colour) -> void;

  /// Workers that were busy with this colour, on average over the column.
  [[nodiscard]] auto busy(std::size_t row, std::size_t column, std::size_t colour) const -> double {
    return cells_[(row * size_.columns + column) * size_.colours + colour];
  }
  [[nodiscard]] auto size() const noexcept -> Size { return size_; }

 private:
  Size size_;
  TimePoint begin_{};
  double column_ns_ = 1;
  std::vector<double> cells_;
};

}  // namespace spider::cli
