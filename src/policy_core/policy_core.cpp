#include "spider/policy_core.hpp"

#include "policy_core/core_buffer.hpp"
#include "policy_core/core_run.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <atomic>
#include <mutex>
#include <utility>
#include <vector>

namespace spider {
inline namespace v1 {

class PolicyCore::Impl {
 public:
  Impl(std::unique_ptr<SchedulingPolicy> policy, const PolicyTraits& traits, PolicyCoreOptions settings)
      : options{std::move(settings)},
        uses_cost{traits.uses_cost},
        buffer{std::move(policy), traits.work_conserving, options} {
    publish(0);
  }

  /// On the strand of the run.
  auto take_feedback() -> Result<void> {
    if (!has_feedback.exchange(false)) return success();
    std::vector<Feedback> taken;
    {
      const std::scoped_lock lock{mutex};
      taken.swap(feedback);
    }
    for (const auto& [entry, cost] : taken) {
      SPIDER_TRY(buffer.finished(entry, cost));
    }
    return success();
  }

  /// On the strand of the run.
  static auto look(std::shared_ptr<Impl> impl, TaskRef task) -> Async<BufferedTask> {
    co_return impl->buffer.look(task);
  }

  auto publish(std::uint64_t dispatched) -> void {
    const std::scoped_lock lock{mutex};
    buffer.fill(gauges);
    gauges.dispatched = dispatched_before + dispatched;
  }

  struct Feedback {
    InboundEntry entry;
    Duration cost{};
  };
  static constexpr std::size_t kFeedbackMax = 65'536;

  PolicyCoreOptions options;
  const bool uses_cost;
  detail::CoreBuffer buffer;
  std::uint64_t dispatched_before = 0;  // by earlier runs
  std::atomic<bool> has_feedback{false};
  std::mutex mutex;  // guards what follows
  PolicyCoreGauges gauges;
  std::vector<Feedback> feedback;
  asio::any_io_executor strand;  // of the run under way
};

PolicyCore::PolicyCore(std::shared_ptr<Impl> impl) : impl_{std::move(impl)} {}
PolicyCore::~PolicyCore() = default;

auto PolicyCore::run(CoreContext& context) -> Async<void> {
  impl_->dispatched_before = gauges().dispatched;
  {
    const auto strand = co_await asio::this_coro::executor;
    const std::scoped_lock lock{impl_->mutex};
    impl_->strand = strand;
  }
  detail::CoreRun run{context,
                      impl_->options,
                      impl_->buffer,
                      {[impl = impl_.get()](std::uint64_t dispatched) { impl->publish(dispatched); },
                       [impl = impl_.get()] { return impl->take_feedback(); }}};
  auto ended = co_await run.drive();
  {
    const std::scoped_lock lock{impl_->mutex};
    impl_->strand = {};
  }
  co_return ended;
}

auto PolicyCore::look(TaskRef task) -> Async<BufferedTask> {
  const auto impl = impl_;
  const auto strand = [&] {
    const std::scoped_lock lock{impl->mutex};
    return impl->strand;
  }();
  if (!strand) co_return BufferedTask{};
  auto call = asio::co_spawn(strand, Impl::look(impl, task), asio::use_awaitable);
  auto found = co_await std::move(call);
  co_return found;
}

auto PolicyCore::finished(const InboundEntry& entry, Duration cost) -> void {
  if (!impl_->uses_cost) return;
  const std::scoped_lock lock{impl_->mutex};
  if (impl_->feedback.size() < Impl::kFeedbackMax) impl_->feedback.push_back({entry, cost});
  impl_->has_feedback = true;
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
                              options.backoff_max, options.recover_after, options.leave_timeout}) {
    if (duration <= Duration::zero()) return Error{Errc::invalid_time, "a core's durations are positive"};
  }
  return success();
}

}  // namespace

auto make_policy_core(std::unique_ptr<SchedulingPolicy> policy, PolicyCoreOptions options)
    -> Result<std::unique_ptr<PolicyCore>> {
  if (!policy) return Error{Errc::invalid_argument, "a core needs a policy"};
  SPIDER_TRY(check(options));
  SPIDER_TRY(const auto traits, detail::guarded([&] { return policy->traits(); }));
  return std::unique_ptr<PolicyCore>{
      new PolicyCore{std::make_shared<PolicyCore::Impl>(std::move(policy), traits, std::move(options))}};
}

}  // namespace v1
}  // namespace spider
