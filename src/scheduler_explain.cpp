#include "scheduler_explain.hpp"

namespace spider::inline v1::detail {

auto explain_task(Storage* storage, PolicyCore* core, const DispatchService* service, TaskRef task)
    -> Async<TaskExplanation> {
  SPIDER_CO_TRY(auto explained, co_await storage->explain(task));
  if (core == nullptr) co_return explained;
  explained.exact = true;
  if (explained.standing != TaskStanding::polled) co_return explained;
  SPIDER_CO_TRY(const auto found, co_await core->look(task));
  if (found.buffered) {
    explained.standing = TaskStanding::buffered;
    explained.place = found.place;
    co_return explained;
  }
  // Between two looks it may have moved on; what has left the policy is at least dispatched.
  explained.standing = TaskStanding::dispatched;
  explained.manager = service->holder(task).value_or(ManagerId{});
  co_return explained;
}

}  // namespace spider::inline v1::detail
