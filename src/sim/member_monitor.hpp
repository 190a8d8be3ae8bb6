#pragma once

/// An independent witness of one life of one member among several: of what it says to the directory, and of
/// what it asks the storage for. It complains about every broken promise of pulling (R1, R3, R10). One
/// thread.

#include "sim/sim_context.hpp"
#include "spider/member_directory.hpp"
#include "spider/storage_client.hpp"

#include <string>
#include <vector>

namespace spider::inline v1::sim {

class MemberMonitor {
 public:
  MemberMonitor(SimContext& context, std::string name) : context_{context}, name_{std::move(name)} {}

  // The directory. What is asked for, and what is answered.
  auto joins() -> void;
  auto joined(MemberId member) -> void { id_ = member; }
  auto leaves() -> void { left_ = true; }
  auto read(const Result<std::vector<MemberView>>& members) -> void;

  /// It asks the storage for tasks.
  auto polls(const PollRequest& request) -> void;

 private:
  SimContext& context_;
  std::string name_;
  MemberId id_;
  bool left_ = false;
  std::uint64_t absent_ = 0;  // readings in a row that knew others and not this member
};

}  // namespace spider::inline v1::sim
