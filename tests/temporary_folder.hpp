#pragma once

/// A folder of its own for a test, removed with all it holds.

#include <stdlib.h>

#include <filesystem>
#include <stdexcept>
#include <string>

namespace spider {

class TemporaryFolder {
 public:
  TemporaryFolder() : path_{std::filesystem::temp_directory_path() / "spider-XXXXXX"} {
    if (::mkdtemp(path_.data()) == nullptr) throw std::runtime_error{"mkdtemp"};
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  auto operator=(const TemporaryFolder&) -> TemporaryFolder& = delete;
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] auto path() const -> const std::string& { return path_; }
  [[nodiscard]] auto operator/(const std::string& name) const -> std::string { return path_ + '/' + name; }

 private:
  std::string path_;
};

}  // namespace spider
