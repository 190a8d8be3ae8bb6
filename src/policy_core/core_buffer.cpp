#include "policy_core/core_buffer.hpp"

#include <string>

namespace spider::inline v1::detail {

namespace {

auto describe(TaskRef ref) -> std::string {
  return "job " + std::to_string(ref.job.value) + " task " + to_string(ref.task);
}

auto following(TaskKind kind) -> TaskKind {
  switch (kind) {
    case TaskKind::commit: return TaskKind::cleanup;
    case TaskKind::cleanup: return TaskKind::regular;
    case TaskKind::regular: break;
  }
  return TaskKind::commit;
}

}  // namespace

CoreBuffer::CoreBuffer(std::unique_ptr<SchedulingPolicy> policy, bool work_conserving,
                       const PolicyCoreOptions& options)
    : policy_{std::move(policy)},
      work_conserving_{work_conserving},
      buffered_max_{options.buffered_max},
      lane_quantum_{options.lane_quantum},
      finalizing_expiry_{options.finalizing_expiry},
      finalizing_max_{options.finalizing_max} {}

auto CoreBuffer::held_by_policy() const -> std::size_t {
  const auto out = chosen_ && chosen_->task.kind() == TaskKind::regular ? 1U : 0U;
  return index_.size() - out + copies_total_;
}

auto CoreBuffer::budget(TaskKind kind) const -> std::size_t {
  const auto held = kind == TaskKind::regular ? index_.size() + copies_total_
                                              : lanes_[kind == TaskKind::commit ? 0 : 1].size();
  return held >= buffered_max_ ? 0 : buffered_max_ - held;
}

auto CoreBuffer::ingest(const InboundEntry& entry, TimePoint now) -> Result<Ingest> {
  dropped_ = 0;
  if (entry.task.kind() == TaskKind::regular) return ingest_regular(entry, now);
  if (!lane(entry.task.kind()).push(entry)) return Ingest::duplicate;
  mark_finalizing(entry.job, now);
  SPIDER_TRY(dropped_, drop_regular(entry.job));
  return Ingest::admitted;
}

auto CoreBuffer::ingest_regular(const InboundEntry& entry, TimePoint now) -> Result<Ingest> {
  if (is_finalizing(entry.job, now)) return Ingest::finalizing;
  const auto held = index_.find(entry.ref());
  if (held && (*held <= entry.priority || is_chosen(entry.ref()))) return Ingest::duplicate;
  SPIDER_TRY(guarded([&] { return policy_->admit(entry, now), true; }));
  index_.put(entry.ref(), entry.priority);
  if (!held) return Ingest::admitted;
  ++copies_[entry.ref()];
  ++copies_total_;
  return Ingest::moved;
}

auto CoreBuffer::quantum(TaskKind kind) const -> std::size_t {
  return kind == TaskKind::cleanup ? 1 : lane_quantum_;
}

auto CoreBuffer::next(TimePoint now) -> Result<const InboundEntry*> {
  const auto turn = turn_;
  const auto used = used_;
  // Once more than there are lanes: the first may have used up its turn, and be the only one.
  for (std::size_t tried = 0; tried <= kTaskKinds && !chosen_; ++tried) {
    if (used_ < quantum(turn_)) {
      SPIDER_TRY(chosen_, next_of(turn_, now));
      if (chosen_) break;
    }
    turn_ = following(turn_);
    used_ = 0;
  }
  if (!chosen_) {
    turn_ = turn;
    used_ = used;
    return nullptr;
  }
  return &*chosen_;
}

auto CoreBuffer::enqueued() -> void {
  ++used_;
  if (chosen_->task.kind() == TaskKind::regular) {
    index_.erase(chosen_->ref());
  } else {
    lane(chosen_->task.kind()).erase(chosen_->job);
  }
  chosen_.reset();
}

auto CoreBuffer::next_of(TaskKind kind, TimePoint now) -> Result<std::optional<InboundEntry>> {
  if (kind == TaskKind::regular) return next_regular(now);
  if (lane(kind).empty()) return std::optional<InboundEntry>{};
  return std::optional{lane(kind).front()};
}

auto CoreBuffer::next_regular(TimePoint now) -> Result<std::optional<InboundEntry>> {
  while (held_by_policy() > 0) {
    SPIDER_TRY(auto entry, guarded([&] { return policy_->next(now); }));
    if (!entry) return entry;
    if (index_.find(entry->ref())) return entry;
    if (!skip_copy(entry->ref())) {
      return Error{Errc::policy_failed, "returned an entry that it does not hold: " + describe(entry->ref())};
    }
  }
  return std::optional<InboundEntry>{};
}

auto CoreBuffer::skip_copy(TaskRef ref) -> bool {
  const auto found = copies_.find(ref);
  if (found == copies_.end()) return false;
  --copies_total_;
  if (--found->second == 0) copies_.erase(found);
  return true;
}

auto CoreBuffer::drop_regular(JobId job) -> Result<std::size_t> {
  if (chosen_ && chosen_->job == job && chosen_->task.kind() == TaskKind::regular) chosen_.reset();
  const auto count = index_.erase_job(job);
  std::erase_if(copies_, [&](const auto& held) {
    if (held.first.job != job) return false;
    copies_total_ -= held.second;
    return true;
  });
  SPIDER_TRY(guarded([&] { return policy_->drop_job(job); }));
  return count;
}

auto CoreBuffer::end_job(JobId job) -> Result<std::size_t> {
  finalizing_.erase(job);
  if (chosen_ && chosen_->job == job) chosen_.reset();
  std::size_t count = 0;
  for (auto& held : lanes_) count += held.erase(job) ? 1 : 0;
  SPIDER_TRY(const auto regular, drop_regular(job));
  return count + regular;
}

auto CoreBuffer::look(TaskRef ref) const -> Result<BufferedTask> {
  BufferedTask found;
  if (is_chosen(ref)) return found;
  if (ref.task.kind() != TaskKind::regular) {
    found.buffered = lanes_[ref.task.kind() == TaskKind::commit ? 0 : 1].contains(ref.job);
    return found;
  }
  found.buffered = index_.find(ref).has_value();
  if (!found.buffered) return found;
  SPIDER_TRY(found.place, guarded([&] { return policy_->place(ref.job, ref.task); }));
  return found;
}

auto CoreBuffer::finished(const InboundEntry& entry, Duration cost) -> Result<void> {
  SPIDER_TRY(guarded([&] { return policy_->finished(entry, cost), true; }));
  return success();
}

auto CoreBuffer::clear() -> Result<std::size_t> {
  const auto count = size();
  chosen_.reset();
  for (auto& held : lanes_) held.clear();
  index_.clear();
  copies_.clear();
  copies_total_ = 0;
  finalizing_.clear();
  finalizing_by_expiry_.clear();
  turn_ = TaskKind::commit;
  used_ = 0;
  SPIDER_TRY(guarded([&] { return policy_->clear(), true; }));
  return count;
}

auto CoreBuffer::is_finalizing(JobId job, TimePoint now) -> bool {
  while (!finalizing_by_expiry_.empty() && finalizing_by_expiry_.front().first <= now) {
    forget_oldest_finalizing();
  }
  return finalizing_.contains(job);
}

auto CoreBuffer::mark_finalizing(JobId job, TimePoint now) -> void {
  const auto expiry = saturating_add(now, finalizing_expiry_);
  finalizing_[job] = expiry;
  finalizing_by_expiry_.emplace_back(expiry, job);
  while (finalizing_by_expiry_.size() > finalizing_max_) forget_oldest_finalizing();
}

auto CoreBuffer::forget_oldest_finalizing() -> void {
  const auto [expiry, job] = finalizing_by_expiry_.front();
  finalizing_by_expiry_.pop_front();
  const auto found = finalizing_.find(job);
  if (found != finalizing_.end() && found->second == expiry) finalizing_.erase(found);
}

auto CoreBuffer::wake_at() const -> Result<std::optional<TimePoint>> {
  if (held_by_policy() == 0) return std::optional<TimePoint>{};
  return guarded([&] { return policy_->wake_at(); });
}

auto CoreBuffer::fill(PolicyCoreGauges& gauges) const -> void {
  gauges.buffered = index_.size() + copies_total_;
  gauges.buffered_max = buffered_max_;
  gauges.commit = lanes_[0].size();
  gauges.cleanup = lanes_[1].size();
  gauges.indexed = size();
  gauges.finalizing = finalizing_by_expiry_.size();
  gauges.finalizing_max = finalizing_max_;
}

}  // namespace spider::inline v1::detail
