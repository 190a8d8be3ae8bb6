#include "cli/workload/workload.hpp"

#include <array>

namespace spider::cli {

auto to_valid_name(std::string_view text) -> std::string {
  constexpr std::size_t kNameBytesMax = 128;
  std::string name{text.substr(0, kNameBytesMax)};
  for (char& character : name) {
    if (!is_valid_name({&character, 1})) character = '_';
  }
  return name.empty() ? "_" : name;
}

auto group_of_file(std::string_view path) -> std::string {
  constexpr std::array<std::string_view, 5> kExtensions{".gz", ".json", ".wf", ".swf", ".csv"};
  path.remove_prefix(path.find_last_of('/') + 1);  // npos + 1 is 0
  for (const auto extension : kExtensions) {
    if (path.ends_with(extension)) path.remove_suffix(extension.size());
  }
  return to_valid_name(path);
}

}  // namespace spider::cli
