#pragma once

/// The schedulers of a run, from their start to their end. One strand.

#include "cli/run/member.hpp"

#include <boost/asio/io_context.hpp>

#include <memory>
#include <vector>

namespace spider::cli {

class Members {
 public:
  /// Options and context outlive it.
  Members(asio::io_context& context, const RunOptions& options) : context_{context}, options_{options} {}

  /// With the managers `first_manager`, and those that follow it; 0 = drawn at random.
  auto start(const MemberParts& parts, ManagerId first_manager) -> Result<void>;

  /// Until all know each other, or two ping intervals have passed: who believes to be the only one takes all
  /// there is.
  auto meet() -> Async<void>;

  /// The last member is killed `RunOptions::kill_member` from now, if it is to be.
  auto arm_kill() -> void;

  /// Never the one that is killed.
  [[nodiscard]] auto first() -> Scheduler& { return members_.front()->scheduler(); }

  /// Errors: why one of them had ended by itself.
  auto stop() -> Async<void>;

  /// As of the stop.
  [[nodiscard]] auto figures() const -> const std::vector<MemberFigures>& { return figures_; }

 private:
  auto kill_last() -> void;

  asio::io_context& context_;
  const RunOptions& options_;
  std::shared_ptr<Clock> clock_;
  std::vector<std::unique_ptr<Member>> members_;
  std::unique_ptr<Alarm> kill_;
  std::vector<MemberFigures> figures_;
};

}  // namespace spider::cli
