#include "spider/task_context.hpp"

#include <system_error>

namespace spider {
inline namespace v1 {

namespace {

[[noreturn]] auto bad_parent(std::size_t k, const std::string& what) -> void {
  throw std::system_error{make_error_code(Errc::invalid_argument), "parent " + std::to_string(k) + what};
}

}  // namespace

auto TaskContext::outputs(std::size_t k) const -> const std::vector<Bytes>& {
  if (k >= facts_.parents.size()) {
    bad_parent(k, ": the task has " + std::to_string(facts_.parents.size()));
  }
  return facts_.parents[k];
}

auto TaskContext::single_output(std::size_t k) const -> const Bytes& {
  const auto& all = outputs(k);
  if (all.size() != 1) {
    bad_parent(k, " is an array of " + std::to_string(all.size()) + ": ask for parents<T>");
  }
  return all.front();
}

auto TaskContext::bad_output(std::size_t k, const Error& error) -> void {
  throw std::system_error{error.code, "parent " + std::to_string(k) + ": " + error.detail};
}

}  // namespace v1
}  // namespace spider
