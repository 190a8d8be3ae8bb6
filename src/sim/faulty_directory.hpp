#pragma once

/// The directory of members as one life of one member sees it: with faults, and watched. One thread.

#include "sim/member_link.hpp"
#include "sim/member_monitor.hpp"
#include "spider/member_directory.hpp"

#include <memory>
#include <vector>

namespace spider::inline v1::sim {

class FaultyDirectory final : public MemberDirectory {
 public:
  struct Parts {
    std::shared_ptr<MemberDirectory> behind;
    std::shared_ptr<MemberMonitor> monitor;
    MemberLink& link;  ///< outlives the directory
  };

  FaultyDirectory(SimContext& context, Parts parts) : context_{context}, parts_{std::move(parts)} {}

  auto join(MemberInfo info) -> Async<MemberId> override;
  auto ping(MemberId member) -> Async<void> override;
  auto leave(MemberId member) -> Async<void> override;
  auto active() -> Async<std::vector<MemberView>> override;
  auto collect(std::size_t limit) -> Async<std::size_t> override;
  [[nodiscard]] auto limits() const -> const MemberLimits& override { return parts_.behind->limits(); }

 private:
  static constexpr std::size_t kEarlierMax = 8;

  SimContext& context_;
  Parts parts_;
  std::vector<std::vector<MemberView>> earlier_;  // readings, as the directory gave them
};

}  // namespace spider::inline v1::sim
