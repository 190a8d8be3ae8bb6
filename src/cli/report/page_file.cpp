#include "cli/report/page_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

namespace spider::cli {

namespace {

namespace fs = std::filesystem;

/// A new file beside the page; removed again unless it took the page's name.
class FileBeside {
 public:
  explicit FileBeside(const std::string& path) : path_{path + '.' + std::to_string(::getpid()) + ".tmp"} {
    ::unlink(path_.c_str());  // of a process that was killed
    file_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  }
  FileBeside(const FileBeside&) = delete;
  auto operator=(const FileBeside&) -> FileBeside& = delete;
  ~FileBeside() {
    if (file_ < 0) return;
    ::close(file_);
    if (!renamed_) ::unlink(path_.c_str());
  }

  [[nodiscard]] auto is_open() const noexcept -> bool { return file_ >= 0; }
  auto write(std::string_view text) -> bool {
    while (!text.empty()) {
      const auto written = ::write(file_, text.data(), text.size());
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) return false;
      text.remove_prefix(static_cast<std::size_t>(written));
    }
    return ::fsync(file_) == 0 || errno == EINVAL;  // some file systems have none
  }
  auto rename_to(const std::string& path) -> bool {
    renamed_ = ::rename(path_.c_str(), path.c_str()) == 0;
    return renamed_;
  }

 private:
  std::string path_;
  int file_ = -1;
  bool renamed_ = false;
};

auto cannot_write(const std::string& path, const std::string& why) -> Error {
  return Error{Errc::io_error, "--report " + path + ": cannot be written: " + why};
}

auto last_fault() -> std::string { return std::generic_category().message(errno); }

}  // namespace

auto PageFile::open(const std::string& path) -> Result<PageFile> {
  if (path.empty() || path == "-") return Error{Errc::invalid_argument, "--report takes a file"};
  std::error_code fault;
  auto target = fs::weakly_canonical(path, fault);
  if (fault) return cannot_write(path, fault.message());
  const auto status = fs::status(target, fault);
  if (fs::exists(status) && !fs::is_regular_file(status)) return cannot_write(path, "it is no file");
  if (fs::exists(status) && ::access(target.c_str(), W_OK) != 0) return cannot_write(path, last_fault());
  if (!FileBeside{target.string()}.is_open()) return cannot_write(path, last_fault());
  return PageFile{target.string()};
}

auto PageFile::write(std::string_view text) const -> Result<void> {
  FileBeside file{path_};
  if (!file.is_open() || !file.write(text) || !file.rename_to(path_))
    return cannot_write(path_, last_fault());
  return success();
}

}  // namespace spider::cli
