#pragma once

/// What one check of the member directory suite works with: a directory, a virtual clock, short forms of the
/// calls, and the list of promises found broken. One thread.

#include "spider/testing/member_directory_suite.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace spider {
inline namespace v1 {
namespace testing {

class MemberDirectoryTrial {
 public:
  /// Of the limits, unless a check says otherwise.
  static constexpr Duration kActiveFor = std::chrono::seconds{20};
  static constexpr Duration kLostAfter = std::chrono::seconds{30};

  MemberDirectoryTrial(std::string rule, const OpenMemberDirectory& open)
      : rule_{std::move(rule)}, open_{open}, clock_{context_, TimePoint{std::chrono::hours{1}}} {}

  auto open(std::size_t members_max = 100) -> bool;
  [[nodiscard]] auto directory() -> MemberDirectory& { return *directory_; }
  [[nodiscard]] auto clock() -> VirtualClock& { return clock_; }

  template <class T>
  auto run(Async<T> work) -> Result<T> {
    return block_on(clock_, std::move(work));
  }
  auto try_join(std::string name) -> Result<MemberId> {
    return run(directory_->join(MemberInfo{std::move(name)}));
  }
  /// 0, and a broken promise, when it is refused.
  auto join(std::string name) -> MemberId;
  auto ping(MemberId member) -> Result<void> { return run(directory_->ping(member)); }
  auto leave(MemberId member) -> void {
    expect(run(directory_->leave(member)).has_value(), "a leave succeeds, for whomever");
  }
  auto collect(std::size_t limit = 1000) -> std::size_t;
  auto active() -> std::vector<MemberId>;
  /// Their names, separated by a space.
  auto active_names() -> std::string;
  /// Starts the call and does not run it yet; the answer is there once the clock has been drained.
  template <class T>
  struct Call {
    asio::cancellation_signal signal;
    std::optional<Result<T>> answer;
  };
  template <class T>
  auto begin(Async<T> work) -> std::shared_ptr<Call<T>> {
    auto call = std::make_shared<Call<T>>();
    auto finish = [call](std::exception_ptr thrown, Result<T> result) {
      call->answer = thrown ? Result<T>{Errc::internal} : std::move(result);
    };
    asio::co_spawn(context_, rooted(std::move(work)),
                   asio::bind_cancellation_slot(call->signal.slot(), std::move(finish)));
    return call;
  }
  auto settle() -> void { clock_.drain(); }
  auto pass(Duration duration) -> void { clock_.run_for(duration); }

  auto expect(bool holds, const std::string& promise) -> void {
    if (!holds) broken_.push_back(rule_ + ": " + promise);
  }
  auto expect_active(const std::string& names, const std::string& when) -> void;
  [[nodiscard]] auto broken() const -> const std::vector<std::string>& { return broken_; }

 private:
  std::string rule_;
  OpenMemberDirectory open_;
  std::vector<std::string> broken_;
  asio::io_context context_;
  VirtualClock clock_;
  std::unique_ptr<MemberDirectory> directory_;
};

[[nodiscard]] auto member_directory_active_checks() -> std::span<const MemberDirectoryCheck>;
[[nodiscard]] auto member_directory_row_checks() -> std::span<const MemberDirectoryCheck>;

}  // namespace testing
}  // namespace v1
}  // namespace spider
