#pragma once

/// A file that is there whole or as it was before: written beside its place and renamed.

#include "spider/error.hpp"

#include <string>
#include <string_view>

namespace spider::cli {

class PageFile {
 public:
  /// Sees that it can be written, by making and removing a file beside it; what is there already stays.
  /// Errors: `invalid_argument` for "" and "-"; `io_error` where the folder takes no file, or the path is of
  /// something else than a file.
  [[nodiscard]] static auto open(const std::string& path) -> Result<PageFile>;

  /// Errors: `io_error`; the file is as before then.
  [[nodiscard]] auto write(std::string_view text) const -> Result<void>;

 private:
  explicit PageFile(std::string path) : path_{std::move(path)} {}

  std::string path_;  // not a link
};

}  // namespace spider::cli
