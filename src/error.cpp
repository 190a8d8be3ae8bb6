#include "spider/error.hpp"

#include <ostream>

namespace spider {
inline namespace v1 {

namespace {

auto text_of(Errc code) noexcept -> const char* {
  switch (code) {
    case Errc::cancelled: return "cancelled";
    case Errc::timed_out: return "timed out";
    case Errc::would_block: return "would block";
    case Errc::closed: return "closed";
    case Errc::dispatch_queue_closed: return "dispatch queue closed";
    case Errc::stale_session: return "stale session";
    case Errc::invalid_session: return "invalid session";
    case Errc::invalid_argument: return "invalid argument";
    case Errc::invalid_name: return "invalid name";
    case Errc::invalid_time: return "invalid time";
    case Errc::limit_exceeded: return "limit exceeded";
    case Errc::unknown_policy: return "unknown policy";
    case Errc::unknown_handler: return "unknown handler";
    case Errc::duplicate_name: return "duplicate name";
    case Errc::cyclic_graph: return "cyclic graph";
    case Errc::unknown_parent: return "unknown parent";
    case Errc::empty_graph: return "empty graph";
    case Errc::unknown_job: return "unknown job";
    case Errc::unknown_task: return "unknown task";
    case Errc::unknown_scheduler: return "unknown scheduler";
    case Errc::unknown_member: return "unknown member";
    case Errc::task_not_runnable: return "task not runnable";
    case Errc::job_not_running: return "job not running";
    case Errc::instance_limit: return "instance limit reached";
    case Errc::stale_instance: return "stale task instance";
    case Errc::storage_unavailable: return "storage unavailable";
    case Errc::unknown_manager: return "unknown execution manager";
    case Errc::unknown_assignment: return "unknown assignment";
    case Errc::handler_failed: return "handler failed";
    case Errc::deadline_exceeded: return "deadline exceeded";
    case Errc::job_failed: return "job failed";
    case Errc::job_cancelled: return "job cancelled";
    case Errc::policy_failed: return "policy failed";
    case Errc::parse_error: return "parse error";
    case Errc::io_error: return "input/output error";
    case Errc::payload_error: return "payload does not decode";
    case Errc::internal: return "internal error";
  }
  return "unknown error";
}

class ErrcCategory final : public std::error_category {
 public:
  [[nodiscard]] auto name() const noexcept -> const char* override { return "spider"; }
  [[nodiscard]] auto message(int value) const -> std::string override {
    return text_of(static_cast<Errc>(value));
  }
};

}  // namespace

auto error_category() noexcept -> const std::error_category& {
  static const ErrcCategory category;
  return category;
}

auto make_error_code(Errc code) noexcept -> std::error_code {
  return {static_cast<int>(code), error_category()};
}

auto Error::message() const -> std::string {
  auto text = code.message();
  if (!detail.empty()) text.append(": ").append(detail);
  return text;
}

auto operator<<(std::ostream& out, const Error& error) -> std::ostream& { return out << error.message(); }

void outcome_throw_as_system_error_with_payload(Error error) {
  throw std::system_error{error.code, error.detail};
}

}  // namespace v1
}  // namespace spider
