#pragma once

/// The schedulers of a simulated world: one, or several that share a storage by a directory, that come, leave
/// in order, are killed and come back when a fault says so. One thread.

#include "sim/member.hpp"

#include <memory>
#include <string>
#include <vector>

namespace spider::inline v1::sim {

class Members {
 public:
  static constexpr std::size_t kLivingMax = 6;

  Members(SimContext& context, MemberParts parts) : context_{context}, parts_{std::move(parts)} {}

  /// Those of the plan. A part that cannot be made is a violation of the rule "setup".
  auto begin() -> bool;

  /// Those that have not been asked to leave, and are not gone.
  [[nodiscard]] auto living() const -> std::vector<Member*>;
  /// One of these; null when there is none.
  [[nodiscard]] auto any(const Draw& draw) const -> Member*;

  /// Another one.
  auto join() -> void;
  auto leave(const Draw& draw) -> void;
  /// It comes back after a while, perhaps under another name.
  auto kill(const Draw& draw) -> void;
  /// It reaches neither storage nor directory for a while, and no manager of it does.
  auto partition(const Draw& draw) -> void;

  /// The scheduler's clock was disturbed by so much.
  auto disturbed(Duration by) -> void;
  auto look() -> void;
  [[nodiscard]] auto is_drained() const -> bool;
  /// Everything has healed for `membership_settles_in()`: whether every member knows all others (R1, R2), and
  /// they own every slot once (R4).
  auto look_at_shares() -> void;
  /// The world ends.
  auto stop() -> void;
  /// Everything has ended.
  auto close() -> void;
  [[nodiscard]] auto dispatches() const -> std::uint64_t;

 private:
  auto add(std::string name) -> bool;
  auto come(std::string name, Duration after) -> Async<void>;
  [[nodiscard]] auto fresh_name() -> std::string;

  SimContext& context_;
  MemberParts parts_;
  std::vector<std::unique_ptr<Member>> all_;  // also those that are gone: their frames refer to them
  std::uint64_t names_ = 0;
};

}  // namespace spider::inline v1::sim
