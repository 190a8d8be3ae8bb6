#pragma once

/// The commit or cleanup entries that wait in a core: first in, first out, one per job.

#include "spider/types.hpp"

#include <cstddef>
#include <list>
#include <unordered_map>

namespace spider::inline v1::detail {

class JobLane {
 public:
  [[nodiscard]] auto size() const noexcept -> std::size_t { return entries_.size(); }
  [[nodiscard]] auto empty() const noexcept -> bool { return entries_.empty(); }

  /// False when the job has an entry here already.
  auto push(const InboundEntry& entry) -> bool {
    if (by_job_.contains(entry.job)) return false;
    by_job_.emplace(entry.job, entries_.insert(entries_.end(), entry));
    return true;
  }

  [[nodiscard]] auto contains(JobId job) const -> bool { return by_job_.contains(job); }

  /// The oldest; the lane is not empty.
  [[nodiscard]] auto front() const -> const InboundEntry& { return entries_.front(); }

  /// False when the job has none.
  auto erase(JobId job) -> bool {
    const auto found = by_job_.find(job);
    if (found == by_job_.end()) return false;
    entries_.erase(found->second);
    by_job_.erase(found);
    return true;
  }

  auto clear() -> void {
    entries_.clear();
    by_job_.clear();
  }

 private:
  std::list<InboundEntry> entries_;
  std::unordered_map<JobId, std::list<InboundEntry>::const_iterator> by_job_;
};

}  // namespace spider::inline v1::detail
