#include "spider/policy_core.hpp"

#include "policy_core/core_buffer.hpp"
#include "policy_core/core_run.hpp"

#include <mutex>
#include <utility>

namespace spider {
inline namespace v1 {

class PolicyCore::Impl {
 public:
  Impl(std::unique_ptr<SchedulingPolicy> policy, bool work_conserving, PolicyCoreOptions settings)
      : options{std::move(settings)}, buffer{std::move(policy), work_conserving, options} {
    publish(0);
  }

  auto publish(std::uint64_t dispatched) -> void {
    const std::scoped_lock lock{mutex};
    buffer.fill(gauges);
    gauges.dispatched = dispatched_before + dispatched;
  }

  PolicyCoreOptions options;
  detail::CoreBuffer buffer;
  std::uint64_t dispatched_before = 0;  // by earlier runs
  std::mutex mutex;
  PolicyCoreGauges gauges;
};

PolicyCore::PolicyCore(std::unique_ptr<Impl> impl) : impl_{std::move(impl)} {}
PolicyCore::~PolicyCore() = default;

auto PolicyCore::run(CoreContext& context) -> Async<void> {
  impl_->dispatched_before = gauges().dispatched;
  detail::CoreRun run{context, impl_->options, impl_->buffer,
                      [impl = impl_.get()](std::uint64_t dispatched) { impl->publish(dispatched); }};
  auto ended = co_await run.drive();
  co_return ended;
}

auto PolicyCore::gauges() const -> PolicyCoreGauges {
  const std::scoped_lock lock{impl_->mutex};
  return impl_->gauges;
}

namespace {

auto check(const PolicyCoreOptions& options) -> Result<void> {
  const auto invalid = [](const char* what) { return Error{Errc::invalid_argument, what}; };
  if (!is_valid_name(options.member)) return Error{Errc::invalid_name, "member: " + options.member};
  if (options.queues.empty()) return invalid("queues: at least one is needed");
  for (const auto& queue : options.queues) {
    if (!is_valid_name(queue)) return Error{Errc::invalid_name, "queue: " + queue};
  }
  if (options.buffered_max == 0 || options.buffered_max > (1U << 26U))
    return invalid("buffered_max: 1 … 2^26");
  if (options.poll_items_max == 0) return invalid("poll_items_max: at least 1");
  if (options.lane_quantum == 0) return invalid("lane_quantum: at least 1");
  if (options.finalizing_max == 0) return invalid("finalizing_max: at least 1");
  if (options.reregister_after == 0) return invalid("reregister_after: at least 1");
  for (const auto duration : {options.poll_wait, options.finalizing_expiry, options.backoff_first,
                              options.backoff_max, options.leave_timeout}) {
    if (duration <= Duration::zero()) return Error{Errc::invalid_time, "a core's durations are positive"};
  }
  return success();
}

}  // namespace

auto make_policy_core(std::unique_ptr<SchedulingPolicy> policy, PolicyCoreOptions options)
    -> Result<std::unique_ptr<PolicyCore>> {
  if (!policy) return Error{Errc::invalid_argument, "a core needs a policy"};
  SPIDER_TRY(check(options));
  SPIDER_TRY(const auto work_conserving, detail::guarded([&] { return policy->traits().work_conserving; }));
  return std::unique_ptr<PolicyCore>{new PolicyCore{
      std::make_unique<PolicyCore::Impl>(std::move(policy), work_conserving, std::move(options))}};
}

}  // namespace v1
}  // namespace spider
