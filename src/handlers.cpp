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

}  // namespace v1
}  // namespace spider
