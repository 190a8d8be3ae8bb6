#include "policy_core/core_buffer.hpp"

#include <exception>
#include <utility>

namespace spider::inline v1::detail {

namespace {

/// Calls into a user's policy: what it throws becomes `policy_failed`.
template <class Call>
auto guarded(Call call) -> Result<decltype(call())> {
  try {
    return call();
  } catch (const std::exception& error) {
    return Error{Errc::policy_failed, error.what()};
  } catch (...) {
    return Error{Errc::policy_failed, "threw something that is no std::exception"};
  }
}

auto describe(TaskRef ref) -> std::string {
  return "job " + std::to_string(ref.job.value) + " task " + to_string(ref.task);
}

}  // namespace

CoreBuffer::CoreBuffer(std::unique_ptr<SchedulingPolicy> policy, const PolicyCoreOptions& options)
    : policy_{std::move(policy)},
      work_conserving_{policy_->traits().work_conserving},
      buffered_max_{options.buffered_max},
      lane_quantum_{options.lane_quantum},
      finalizing_expiry_{options.finalizing_expiry},
      finalizing_max_{options.finalizing_max} {}

auto CoreBuffer::size() const -> std::size_t {
  return policy_->size() + lanes_[0].size() + lanes_[1].size() + (put_back_ ? 1 : 0);
}

auto CoreBuffer::budget(TaskKind kind) const -> std::size_t {
  const auto held = kind == TaskKind::regular ? policy_->size() : lane(kind).size();
  return held >= buffered_max_ ? 0 : buffered_max_ - held;
}

auto CoreBuffer::ingest(const InboundEntry& entry, TimePoint now) -> Result<Ingest> {
  dropped_ = 0;
  if (entry.task.kind() == TaskKind::regular) return ingest_regular(entry, now);
  if (index_.find(entry.ref())) return Ingest::duplicate;
  mark_finalizing(entry.job, now);
  SPIDER_TRY(dropped_, drop_regular(entry.job));
  lane(entry.task.kind()).push_back(entry);
  index_.put(entry.ref(), entry.priority);
  return Ingest::admitted;
}

auto CoreBuffer::ingest_regular(const InboundEntry& entry, TimePoint now) -> Result<Ingest> {
  if (is_finalizing(entry.job, now)) return Ingest::finalizing;
  const auto held = index_.find(entry.ref());
  if (held && *held <= entry.priority) return Ingest::duplicate;
  SPIDER_TRY(guarded([&] { return policy_->admit(entry, now), true; }));
  if (held) ++spare_copies_[entry.ref()];
  index_.put(entry.ref(), entry.priority);
  return held ? Ingest::moved : Ingest::admitted;
}

auto CoreBuffer::quantum(TaskKind kind) const -> std::size_t {
  return kind == TaskKind::cleanup ? 1 : lane_quantum_;
}

auto CoreBuffer::next(TimePoint now) -> Result<std::optional<InboundEntry>> {
  if (put_back_) return std::exchange(put_back_, std::nullopt);
  constexpr std::array kFollowing{TaskKind::commit, TaskKind::cleanup, TaskKind::regular};  // by TaskKind
  static_assert(kFollowing[static_cast<std::size_t>(TaskKind::regular)] == TaskKind::commit);
  for (std::size_t tried = 0; tried <= kTaskKinds; ++tried) {
    if (used_ < quantum(turn_)) {
      SPIDER_TRY(auto entry, next_of(turn_, now));
      if (entry) {
        ++used_;
        return entry;
      }
    }
    turn_ = kFollowing[static_cast<std::size_t>(turn_)];
    used_ = 0;
  }
  return std::optional<InboundEntry>{};
}

auto CoreBuffer::next_of(TaskKind kind, TimePoint now) -> Result<std::optional<InboundEntry>> {
  if (kind == TaskKind::regular) return next_regular(now);
  auto& queue = lane(kind);
  while (!queue.empty()) {
    const auto entry = queue.front();
    queue.pop_front();
    if (index_.erase(entry.ref())) return std::optional{entry};
  }
  return std::optional<InboundEntry>{};
}

auto CoreBuffer::next_regular(TimePoint now) -> Result<std::optional<InboundEntry>> {
  while (policy_->size() > 0) {
    SPIDER_TRY(auto entry, guarded([&] { return policy_->next(now); }));
    if (!entry) return entry;
    const auto spare = spare_copies_.empty() ? spare_copies_.end() : spare_copies_.find(entry->ref());
    if (index_.erase(entry->ref())) return entry;
    if (spare == spare_copies_.end()) {
      return Error{Errc::policy_failed, "returned an entry that it does not hold: " + describe(entry->ref())};
    }
    if (--spare->second == 0) spare_copies_.erase(spare);
  }
  return std::optional<InboundEntry>{};
}

auto CoreBuffer::drop_regular(JobId job) -> Result<std::size_t> {
  SPIDER_TRY(const auto count, guarded([&] { return policy_->drop_job(job); }));
  if (put_back_ && put_back_->job == job) put_back_.reset();
  if (!spare_copies_.empty()) {
    std::erase_if(spare_copies_, [job](const auto& held) { return held.first.job == job; });
  }
  index_.erase_job(job);
  return count;
}

auto CoreBuffer::end_job(JobId job) -> Result<std::size_t> {
  finalizing_.erase(job);
  return drop_regular(job);
}

auto CoreBuffer::clear() -> Result<std::size_t> {
  const auto count = size();
  put_back_.reset();
  for (auto& queue : lanes_) queue.clear();
  index_.clear();
  spare_copies_.clear();
  finalizing_.clear();
  finalizing_by_expiry_.clear();
  SPIDER_TRY(guarded([&] { return policy_->clear(), true; }));
  return count;
}

auto CoreBuffer::is_finalizing(JobId job, TimePoint now) -> bool {
  while (!finalizing_by_expiry_.empty() && finalizing_by_expiry_.front().first <= now) {
    const auto [expiry, expired] = finalizing_by_expiry_.front();
    finalizing_by_expiry_.pop_front();
    const auto found = finalizing_.find(expired);
    if (found != finalizing_.end() && found->second == expiry) finalizing_.erase(found);
  }
  return !finalizing_.empty() && finalizing_.contains(job);
}

auto CoreBuffer::mark_finalizing(JobId job, TimePoint now) -> void {
  const auto expiry = saturating_add(now, finalizing_expiry_);
  finalizing_[job] = expiry;
  finalizing_by_expiry_.emplace_back(expiry, job);
  while (finalizing_by_expiry_.size() > finalizing_max_) {
    finalizing_.erase(finalizing_by_expiry_.front().second);
    finalizing_by_expiry_.pop_front();
  }
}

auto CoreBuffer::wake_at() const -> std::optional<TimePoint> {
  if (policy_->size() == 0) return std::nullopt;
  return policy_->wake_at();
}

auto CoreBuffer::fill(PolicyCoreGauges& gauges) const -> void {
  gauges.buffered = policy_->size();
  gauges.buffered_max = buffered_max_;
  gauges.commit = lanes_[0].size();
  gauges.cleanup = lanes_[1].size();
  gauges.indexed = index_.size();
  gauges.finalizing = finalizing_by_expiry_.size();
  gauges.finalizing_max = finalizing_max_;
}

}  // namespace spider::inline v1::detail
