#include "spider/explanation.hpp"

#include <cstdio>

namespace spider {
inline namespace v1 {

auto to_string(TaskStanding standing) noexcept -> std::string_view {
  constexpr std::string_view kNames[] = {"pending", "not_due",  "paused",     "queued",  "coalesced",
                                         "polled",  "buffered", "dispatched", "running", "ended"};
  return kNames[static_cast<std::size_t>(standing)];
}

namespace {

auto seconds(TimePoint from, TimePoint to) -> std::string {
  char text[32];
  std::snprintf(text, sizeof text, "%.3g s", to > from ? to_seconds(to - from) : 0.0);
  return text;
}

auto waits(const TaskExplanation& explained) -> std::string {
  if (explained.waits_for.empty()) {
    const auto cleanup = explained.task.task.kind() == TaskKind::cleanup;
    return cleanup ? "runs only if the job is cancelled or its commit fails" : "waits for its job";
  }
  std::string text =
      explained.waits_for.size() == 1 && !explained.waits_for_more ? "waits for task" : "waits for tasks";
  for (std::size_t at = 0; at < explained.waits_for.size(); ++at) {
    text += (at == 0 ? " " : ", ") + to_string(explained.waits_for[at]);
  }
  return text + (explained.waits_for_more ? " and more" : "");
}

auto pauses(const TaskExplanation& explained) -> std::string {
  std::string text;
  if (explained.group_paused) text = "its resource group " + explained.resource_group + " is paused";
  if (explained.queue_paused) {
    text += (text.empty() ? "its queue " : ", and its queue ") + explained.queue + " is paused";
  }
  return text;
}

auto standing_of(const TaskExplanation& explained) -> std::string {
  if (!explained.place) return {};
  auto text = explained.place->exact ? std::string{", place "} : std::string{", at about place "};
  text += std::to_string(explained.place->in_group) + " in " + explained.resource_group;
  if (explained.place->in_global) text += ", " + std::to_string(*explained.place->in_global) + " of all";
  return text;
}

}  // namespace

auto describe(const TaskExplanation& explained, TimePoint now) -> std::string {
  const auto manager = "manager " + std::to_string(explained.manager.value);
  switch (explained.standing) {
    case TaskStanding::pending: return waits(explained);
    case TaskStanding::not_due: return "is due in " + seconds(now, explained.until);
    case TaskStanding::paused: return pauses(explained);
    case TaskStanding::queued: return "waits for a scheduler to poll it" + standing_of(explained);
    case TaskStanding::coalesced:
      return explained.folded_into.job
                 ? "its work is done by job " + std::to_string(explained.folded_into.job.value) + " task " +
                       to_string(explained.folded_into.task)
                 : "waits for equivalent work that is queued before it, or runs";
    case TaskStanding::polled:
      return "was polled by scheduler " + std::to_string(explained.scheduler.value) + ", not started yet";
    case TaskStanding::buffered: return "waits for its turn" + standing_of(explained);
    case TaskStanding::dispatched:
      return explained.manager ? "was given to " + manager + ", not started yet"
                               : "is next: waits for an execution manager to take it";
    case TaskStanding::running:
      return "runs on " + manager + " since " + seconds(explained.since, now) + ", attempt " +
             std::to_string(explained.attempts);
    case TaskStanding::ended: break;
  }
  return "ended: " + std::string{to_string(explained.state)};
}

}  // namespace v1
}  // namespace spider
