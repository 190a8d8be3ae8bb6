// The main of a fuzz target where libFuzzer is not there: runs the target over the files of the folders
// that are named, each as it is and cut off at some places. Ends with 1 where there is nothing to run.

#include "fuzz/fuzz_target.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

namespace {

constexpr std::size_t kCutsMax = 64;

auto read(const std::filesystem::path& path) -> std::vector<std::uint8_t> {
  std::ifstream file{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{file}, {}};
}

/// The copy ends where the input ends, so that a sanitizer sees who reads on.
auto run(const std::vector<std::uint8_t>& input, std::size_t size) -> void {
  const std::vector<std::uint8_t> copy(input.begin(), input.begin() + static_cast<std::ptrdiff_t>(size));
  LLVMFuzzerTestOneInput(copy.data(), copy.size());
}

}  // namespace

auto main(int argc, char** argv) -> int {
  std::size_t files = 0;
  std::size_t executions = 0;
  for (int i = 1; i < argc; ++i) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator{argv[i]}) {
      if (!entry.is_regular_file()) continue;
      const auto input = read(entry.path());
      ++files;
      const auto step = input.size() / kCutsMax + 1;
      for (std::size_t size = 0; size < input.size(); size += step, ++executions) run(input, size);
      run(input, input.size());
      ++executions;
    }
  }
  std::printf("%zu files, %zu executions\n", files, executions);
  return files == 0 ? 1 : 0;
}
