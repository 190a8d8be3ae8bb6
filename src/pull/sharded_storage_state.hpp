#pragma once

/// What a ShardedStorageClient knows: who it is, who else is active, which slots follow from that, and how
/// much of them to ask for. Decides and counts; the coroutines of sharded_storage_client.cpp act on it.
/// Thread-safe; nothing is called under its lock.

#include "spider/pull/sharded_storage_client.hpp"
#include "spider/pull/slot_owners.hpp"
#include "waiting.hpp"

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace spider::inline v1::detail {

class ShardedState {
 public:
  ShardedState(ShardedStorageParts client_parts, ShardedStorageOptions client_options, Clock& client_clock);

  // Coming and going. One who joins holds up one who leaves, or else would appear again after it has left.
  /// False: somebody else is joining; wait for `changed`. Errors: `closed` once it leaves.
  auto begin_join() -> Result<bool>;
  auto end_join(const std::string& name, const Result<MemberId>& member) -> void;
  auto begin_leave() -> void;
  /// Whether somebody is joining: wait for `changed`.
  [[nodiscard]] auto is_joining() const -> bool;
  auto end_leave() -> void;
  [[nodiscard]] auto is_leaving() const -> bool;
  [[nodiscard]] auto member() const -> MemberId;
  [[nodiscard]] auto name() const -> std::string;
  auto count_rejoin() -> void;

  auto registered(const Registration& registration) -> void;
  auto unregistered() -> void;
  [[nodiscard]] auto registration() const -> std::optional<Registration>;

  // Who is active.
  [[nodiscard]] auto is_among(const std::vector<MemberView>& members) const -> bool;
  auto adopt(std::vector<MemberView> members) -> void;
  /// The last reading counts; if there was none, it is taken for the only member.
  auto reading_failed() -> void;
  auto ping_failed() -> void;

  // The share.
  auto set_ratio(PullRatio ratio) -> void;
  /// The slots to ask for now.
  auto share(TimePoint now) -> std::shared_ptr<const SlotFilter>;
  /// For how long one poll of the storage may ask for it.
  [[nodiscard]] auto share_until(TimePoint now) const -> TimePoint;
  auto count(const InboundBatch& batch) -> void;
  [[nodiscard]] auto stats() const -> PullStats;

  // When `run` has something to do; kForever before it has joined.
  [[nodiscard]] auto next_beat() const -> TimePoint;
  auto beat_ended(TimePoint now) -> void;

  const ShardedStorageParts parts;
  const ShardedStorageOptions options;
  Clock& clock;
  const std::shared_ptr<WaitingLine> changed;  ///< joined, leaving, or done with either

 private:
  auto set_owned(OwnedSlots owned) -> void;

  mutable std::mutex mutex_;
  std::string name_;
  MemberId member_;
  bool joining_ = false;
  bool leaving_ = false;
  bool in_trouble_ = false;  // since the last beat
  std::optional<Registration> registration_;
  TimePoint next_beat_ = kForever;

  bool has_read_ = false;
  std::vector<std::string> names_;  // of the active ones; what `owned_` follows from
  bool present_ = false;
  OwnedSlots owned_;
  std::shared_ptr<const SlotFilter> share_;  // null: to be made
  std::uint64_t share_window_ = 0;
  PullStats stats_;
};

}  // namespace spider::inline v1::detail
