#pragma once

/// What the lives of a core pull through: the storage itself where the plan has one scheduler, else a
/// ShardedStorageClient of its own for each life, because a member that has left stays away. One thread.

#include "sim/ask_monitor.hpp"
#include "sim/faulty_storage.hpp"
#include "sim/member_link.hpp"
#include "spider/pull/sharded_storage_client.hpp"

#include <boost/asio/cancellation_signal.hpp>

#include <memory>
#include <optional>
#include <string>

namespace spider::inline v1::sim {

/// Of the directory of a simulated world; the pings of its members fit to it.
[[nodiscard]] auto member_limits() -> MemberLimits;

/// After so long without a fault every member knows every other.
[[nodiscard]] auto membership_settles_in() -> Duration;

class Puller {
 public:
  struct Parts {
    FaultyStorageClient& storage;
    MemberLink& link;
    std::shared_ptr<MemberDirectory> directory;  ///< null: the plan has one scheduler
    std::string member;
  };

  /// All outlive the puller, and what it opened.
  Puller(SimContext& context, Parts parts) : context_{context}, parts_{std::move(parts)} {}

  /// For the next life of the core, of which `asks` is told each poll.
  [[nodiscard]] auto open(std::shared_ptr<AskMonitor> asks) -> std::shared_ptr<StorageClient>;
  /// The longest that one poll of the storage waits where the core's wait for `poll_wait`.
  [[nodiscard]] auto wait_max(Duration poll_wait) const -> Duration;
  /// That life is over: it pings no more.
  auto close() -> void;
  /// In order, while the core runs on.
  [[nodiscard]] auto leave() -> Async<void>;
  /// None where there is one scheduler, or no life.
  [[nodiscard]] auto stats() const -> std::optional<PullStats>;

 private:
  SimContext& context_;
  Parts parts_;
  std::shared_ptr<ShardedStorageClient> client_;
  std::shared_ptr<asio::cancellation_signal> pings_;
};

}  // namespace spider::inline v1::sim
