#include "spider/job_builder.hpp"

#include <cassert>
#include <limits>

namespace spider {
inline namespace v1 {

namespace {

constexpr std::uint32_t kCommit = std::numeric_limits<std::uint32_t>::max();
constexpr std::uint32_t kCleanup = kCommit - 1;
constexpr std::uint32_t kNoNode = kCommit;  // as a parent: a position that no job has

}  // namespace

/// What a builder and its handles share.
struct detail::JobDraft {
  JobSpec spec;
  std::vector<std::uint32_t> first_tasks;  // by node: the sum of the counts before it
  std::uint64_t tasks = 0;
  std::optional<Error> error;

  auto fail(Errc code, std::string detail) -> void {
    if (!error) error.emplace(code, std::move(detail));
  }
};

namespace {

auto make_task(std::string handler, Bytes input, std::uint32_t count) -> TaskSpec {
  TaskSpec task;
  task.handler = std::move(handler);
  task.input = std::move(input);
  task.count = count;
  return task;
}

auto label(std::uint32_t node, const TaskSpec& task) -> std::string {
  if (node == kCommit) return "the commit task (" + task.handler + ")";
  if (node == kCleanup) return "the cleanup task (" + task.handler + ")";
  return "task " + std::to_string(node) + " (" + task.handler + ")";
}

}  // namespace

TaskHandle::TaskHandle(std::shared_ptr<detail::JobDraft> draft, std::uint32_t node)
    : draft_{std::move(draft)}, node_{node} {}

auto TaskHandle::task() const noexcept -> TaskSpec& {
  auto& spec = draft_->spec;
  if (node_ == kCommit) return *spec.commit;
  if (node_ == kCleanup) return *spec.cleanup;
  return spec.tasks[node_];
}

auto TaskHandle::add_parent(const TaskHandle& parent) -> void {
  auto known = parent.draft_ == draft_ && parent.node_ < kCleanup;
  if (parent.draft_ != draft_) {
    draft_->fail(Errc::unknown_parent, label(node_, task()) + " is after a task of another builder");
  } else if (!known) {
    draft_->fail(Errc::unknown_parent, label(node_, task()) + " is after " +
                                           label(parent.node_, parent.task()) + ", which comes last");
  } else if (node_ >= kCleanup) {
    known = false;
    draft_->fail(Errc::unknown_parent, label(node_, task()) + " takes no parents");
  }
  task().parents.push_back(known ? parent.node_ : kNoNode);
}

auto TaskHandle::after(std::span<const TaskHandle> parents) -> TaskHandle {
  for (const auto& parent : parents) add_parent(parent);
  return *this;
}

auto TaskHandle::name(std::string label) -> TaskHandle {
  task().name = std::move(label);
  return *this;
}

auto TaskHandle::retry(RetryPolicy policy) -> TaskHandle {
  task().retry = policy;
  return *this;
}

auto TaskHandle::timeout(Duration duration) -> TaskHandle {
  task().timeout = duration;
  return *this;
}

auto TaskHandle::estimate(Duration duration) -> TaskHandle {
  task().estimate = duration;
  return *this;
}

auto TaskHandle::instances_max(std::uint32_t count) -> TaskHandle {
  task().instances_max = count;
  return *this;
}

auto TaskHandle::coalesce(CoalesceKey key) -> TaskHandle {
  task().coalesce = std::move(key);
  return *this;
}

auto TaskHandle::first_task() const noexcept -> TaskId {
  if (node_ == kCommit) return TaskId::commit();
  if (node_ == kCleanup) return TaskId::cleanup();
  return TaskId{draft_->first_tasks[node_]};
}

auto TaskHandle::count() const noexcept -> std::uint32_t { return task().count; }

JobBuilder::JobBuilder(std::string resource_group) : draft_{std::make_shared<detail::JobDraft>()} {
  draft_->spec.resource_group = std::move(resource_group);
}

auto JobBuilder::add(std::string handler, Bytes input, std::uint32_t count) -> TaskHandle {
  auto& draft = *draft_;
  const auto node = static_cast<std::uint32_t>(draft.spec.tasks.size());
  draft.spec.tasks.push_back(make_task(std::move(handler), std::move(input), count));
  draft.first_tasks.push_back(static_cast<std::uint32_t>(draft.tasks));
  if (count == 0 || count > TaskId::kIndexMax) {
    draft.fail(Errc::invalid_argument,
               label(node, draft.spec.tasks.back()) + ": the count is not 1 … 2^30 - 1");
    draft.spec.tasks.back().count = 0;
  } else if (draft.tasks + count > TaskId::kIndexMax) {
    draft.fail(Errc::limit_exceeded, label(node, draft.spec.tasks.back()) + ": more than 2^30 - 1 tasks");
    draft.spec.tasks.back().count = 0;
  } else {
    draft.tasks += count;
  }
  return TaskHandle{draft_, node};
}

auto JobBuilder::set_commit(std::string handler, Bytes input) -> TaskHandle {
  draft_->spec.commit = make_task(std::move(handler), std::move(input), 1);
  return TaskHandle{draft_, kCommit};
}

auto JobBuilder::set_cleanup(std::string handler, Bytes input) -> TaskHandle {
  draft_->spec.cleanup = make_task(std::move(handler), std::move(input), 1);
  return TaskHandle{draft_, kCleanup};
}

auto JobBuilder::queue(std::string name) -> JobBuilder& {
  draft_->spec.queue = std::move(name);
  return *this;
}

auto JobBuilder::priority(PriorityClass value) -> JobBuilder& {
  draft_->spec.priority = value;
  return *this;
}

auto JobBuilder::weight(double of_the_group) -> JobBuilder& {
  draft_->spec.weight = of_the_group;
  return *this;
}

auto JobBuilder::unique_key(std::string key) -> JobBuilder& {
  draft_->spec.unique_key = std::move(key);
  return *this;
}

auto JobBuilder::not_before(TimePoint at) -> JobBuilder& {
  draft_->spec.not_before = at;
  return *this;
}

auto JobBuilder::deadline(TimePoint at) -> JobBuilder& {
  draft_->spec.deadline = at;
  return *this;
}

auto JobBuilder::error() const noexcept -> const std::optional<Error>& { return draft_->error; }

auto JobBuilder::spec() const -> JobSpec { return draft_->spec; }

}  // namespace v1
}  // namespace spider
