#pragma once

/// A member's way to the directory, which can be cut off as `MonitoredStorage` can: forwards every call, or
/// answers `storage_unavailable`. One strand.

#include "spider/member_directory.hpp"

#include <memory>
#include <utility>
#include <vector>

namespace spider::cli {

class MemberLink final : public MemberDirectory {
 public:
  explicit MemberLink(std::shared_ptr<MemberDirectory> inner) : inner_{std::move(inner)} {}

  auto cut_off() -> void { cut_off_ = true; }

  auto join(MemberInfo info) -> Async<MemberId> override {
    return unless_cut_off(inner_->join(std::move(info)));
  }
  auto ping(MemberId member) -> Async<void> override { return unless_cut_off(inner_->ping(member)); }
  auto leave(MemberId member) -> Async<void> override { return unless_cut_off(inner_->leave(member)); }
  auto active() -> Async<std::vector<MemberView>> override { return unless_cut_off(inner_->active()); }
  auto collect(std::size_t limit) -> Async<std::size_t> override {
    return unless_cut_off(inner_->collect(limit));
  }
  [[nodiscard]] auto limits() const -> const MemberLimits& override { return inner_->limits(); }

 private:
  template <class T>
  static auto refuse() -> Async<T> {
    co_return Error{Errc::storage_unavailable, "this member was killed"};
  }
  template <class T>
  [[nodiscard]] auto unless_cut_off(Async<T> call) -> Async<T> {
    return cut_off_ ? refuse<T>() : std::move(call);
  }

  std::shared_ptr<MemberDirectory> inner_;
  bool cut_off_ = false;
};

}  // namespace spider::cli
