#pragma once

/// One scheduler of a simulated world: a core, its dispatch queue and service, and the managers that it
/// serves, with the monitor of all that. Where the plan has several, each is a member of the directory and
/// pulls its share. One thread.

#include "sim/core_keeper.hpp"
#include "sim/dispatch_monitor.hpp"
#include "sim/faulty_dispatch.hpp"
#include "sim/faulty_storage.hpp"
#include "sim/fleet.hpp"
#include "sim/member_link.hpp"
#include "sim/puller.hpp"
#include "sim/watched_storage.hpp"
#include "spider/dispatch_channel.hpp"
#include "spider/dispatch_service.hpp"
#include "spider/handed_back.hpp"
#include "spider/member_directory.hpp"

#include <memory>
#include <optional>
#include <string>

namespace spider::inline v1::sim {

/// What all schedulers of a world have in common. Everything outlives them.
struct MemberParts {
  WatchedStorage& storage;
  std::shared_ptr<MemberDirectory> directory;  ///< null: there is one scheduler
  const PolicyFactory& policy;
  const StorageLimits& limits;
};

class Member {
 public:
  /// Number `number` of its world, from 0.
  static auto make(SimContext& context, const MemberParts& parts, std::uint64_t number, std::string name)
      -> Result<std::unique_ptr<Member>>;

  auto begin() -> void;

  /// In order: it pulls no more, lets what it has dispatched be executed, gives back the rest, and is gone.
  [[nodiscard]] auto leave() -> Async<void>;
  /// Abruptly: nothing that it or its managers say from now on gets anywhere. It is gone.
  auto kill() -> void;
  /// Asked to leave, or gone.
  [[nodiscard]] auto is_leaving() const -> bool { return leaving_; }
  [[nodiscard]] auto is_gone() const -> bool { return gone_; }

  /// The world ends.
  auto stop() -> void;
  /// Nothing is queued, and nothing on record.
  [[nodiscard]] auto is_drained() const -> bool;
  /// Everything has ended: whether the counters add up.
  auto close() -> void;

  [[nodiscard]] auto name() const -> const std::string& { return name_; }
  [[nodiscard]] auto link() -> MemberLink& { return link_; }
  [[nodiscard]] auto puller() -> Puller& { return puller_; }
  [[nodiscard]] auto storage() -> FaultyStorageClient& { return storage_; }
  [[nodiscard]] auto sink() -> DispatchQueueSink& { return sink_; }
  [[nodiscard]] auto core() -> CoreKeeper& { return core_; }
  [[nodiscard]] auto fleet() -> Fleet& { return *fleet_; }
  [[nodiscard]] auto monitor() -> DispatchMonitor& { return monitor_; }
  [[nodiscard]] auto monitor() const -> const DispatchMonitor& { return monitor_; }

 private:
  /// Tells the service whom it serves, and the log what is said.
  class LogObserver final : public Observer {
   public:
    explicit LogObserver(SimContext& context) : context_{context} {}
    auto observe(const Event& event) noexcept -> void override;
    DispatchService* service = nullptr;

   private:
    SimContext& context_;
  };

  Member(SimContext& context, const MemberParts& parts, std::uint64_t number, std::string name,
         DispatchChannel channel, std::size_t capacity);
  auto make_service(const MemberParts& parts) -> Result<void>;
  auto end() -> void;

  SimContext& context_;
  const std::uint64_t number_;
  const std::string name_;
  bool leaving_ = false;
  bool gone_ = false;
  LogObserver observer_{context_};
  MemberLink link_{context_};
  FaultyStorageClient storage_;
  FaultyExecutionClient execution_;
  Puller puller_;
  DispatchChannel channel_;
  DispatchMonitor monitor_;
  HandedBackQueue handed_back_;
  WatchedSource source_;
  WatchedSink sink_;
  WatchedHandedBack watched_handed_back_;
  CoreContext core_parts_;
  CoreKeeper core_;
  std::unique_ptr<DispatchService> service_;
  std::optional<WatchedDispatch> watched_dispatch_;
  std::optional<FaultyDispatch> dispatch_;
  std::optional<Fleet> fleet_;
};

}  // namespace spider::inline v1::sim
