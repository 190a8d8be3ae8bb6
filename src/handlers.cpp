#include "spider/handlers.hpp"

namespace spider {
inline namespace v1 {

auto detail::current_exception_as_error() -> Error {
  try {
    throw;
  } catch (const std::exception& thrown) {
    return Error{Errc::handler_failed, thrown.what()};
  } catch (...) {
    return Error{Errc::handler_failed, "threw something that is not a std::exception"};
  }
}

auto Handlers::find(std::string_view name) const -> std::shared_ptr<const Handler> {
  const auto found = handlers_.find(name);
  return found == handlers_.end() ? nullptr : found->second;
}

auto Handlers::insert(std::string name, Handler handler) -> Handlers& {
  if (!is_valid_name(name)) {
    if (!error_) error_.emplace(Errc::invalid_name, "handler \"" + name.substr(0, 128) + "\"");
    return *this;
  }
  const auto [place, inserted] =
      handlers_.try_emplace(std::move(name), std::make_shared<const Handler>(std::move(handler)));
  if (!inserted && !error_) error_.emplace(Errc::duplicate_name, "handler \"" + place->first + "\"");
  return *this;
}

auto Handlers::insert_key(std::string name, MakeKey key, Result<void> checked) -> Handlers& {
  const auto where = "coalescing of handler \"" + name.substr(0, 128) + "\"";
  if (!is_valid_name(name)) {
    if (!error_) error_.emplace(Errc::invalid_name, where);
  } else if (!checked) {
    if (!error_) error_.emplace(checked.error().code, where + ": " + checked.error().detail);
  } else if (!keys_.try_emplace(std::move(name), std::make_shared<const MakeKey>(std::move(key))).second) {
    if (!error_) error_.emplace(Errc::duplicate_name, where);
  }
  return *this;
}

auto Handlers::add_keys(JobSpec& job) const -> void {
  if (keys_.empty()) return;
  for (auto& task : job.tasks) {
    if (task.coalesce || task.count != 1 || task.instances_max != 1) continue;
    const auto found = keys_.find(task.handler);
    if (found == keys_.end()) continue;
    try {
      task.coalesce = (*found->second)(task.input);
    } catch (...) {  // a codec that throws: the input does not decode
      task.coalesce.reset();
    }
  }
}

}  // namespace v1
}  // namespace spider
