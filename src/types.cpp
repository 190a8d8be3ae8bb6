#include "spider/types.hpp"

#include <algorithm>

namespace spider {
inline namespace v1 {

auto to_string(TaskId task) -> std::string {
  switch (task.kind()) {
    case TaskKind::commit: return "commit";
    case TaskKind::cleanup: return "cleanup";
    case TaskKind::regular: break;
  }
  return std::to_string(task.index());
}

auto is_valid_name(std::string_view name) noexcept -> bool {
  constexpr std::size_t kNameBytesMax = 128;
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view{"_.:/-"}.find(c) != std::string_view::npos;
  };
  return !name.empty() && name.size() <= kNameBytesMax && std::all_of(name.begin(), name.end(), allowed);
}

}  // namespace v1
}  // namespace spider
