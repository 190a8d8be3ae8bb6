#pragma once

/// What a Scheduler says of one task: the storage's half, completed by policy and dispatch service.

#include "spider/async.hpp"
#include "spider/dispatch_service.hpp"
#include "spider/explanation.hpp"
#include "spider/policy_core.hpp"
#include "spider/storage.hpp"

namespace spider::inline v1::detail {

/// All that is pointed to outlives the call; `core` may be null: then what is buffered is not known.
/// Errors: those of JobClient::explain; `policy_failed`.
[[nodiscard]] auto explain_task(Storage* storage, PolicyCore* core, const DispatchService* service,
                                TaskRef task) -> Async<TaskExplanation>;

}  // namespace spider::inline v1::detail
