#pragma once

/// A member's way to the directory, which is cut off together with its way to the storage: forwards every
/// call, or answers `storage_unavailable`. One strand.

#include "cli/run/monitored_storage.hpp"
#include "spider/member_directory.hpp"

#include <memory>
#include <utility>
#include <vector>

namespace spider::cli {

class MemberLink final : public MemberDirectory {
 public:
  MemberLink(std::shared_ptr<MemberDirectory> inner, std::shared_ptr<MonitoredStorage> storage)
      : inner_{std::move(inner)}, storage_{std::move(storage)} {}

  auto join(MemberInfo info) -> Async<MemberId> override {
    return storage_->unless_cut_off(inner_->join(std::move(info)));
  }
  auto ping(MemberId member) -> Async<void> override {
    return storage_->unless_cut_off(inner_->ping(member));
  }
  auto leave(MemberId member) -> Async<void> override {
    return storage_->unless_cut_off(inner_->leave(member));
  }
  auto active() -> Async<std::vector<MemberView>> override {
    return storage_->unless_cut_off(inner_->active());
  }
  auto collect(std::size_t limit) -> Async<std::size_t> override {
    return storage_->unless_cut_off(inner_->collect(limit));
  }
  [[nodiscard]] auto limits() const -> const MemberLimits& override { return inner_->limits(); }

 private:
  std::shared_ptr<MemberDirectory> inner_;
  std::shared_ptr<MonitoredStorage> storage_;
};

}  // namespace spider::cli
