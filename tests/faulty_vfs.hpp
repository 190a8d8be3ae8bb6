#pragma once

/// A SQLite VFS that fails on command, and that knows what a power loss would leave. It forwards to the
/// default one, counts writes, and keeps for each file what has been synced, and the writes since.

#include "spider/rng.hpp"

#include <sqlite3.h>

#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace spider {

class FaultyVfs {
 public:
  static constexpr const char* kName = "spider-faulty";

  /// Registered once, for the life of the program. One test uses it at a time.
  [[nodiscard]] static auto instance() -> FaultyVfs&;

  /// Forgets all files. From the `writes`-th write on (from 0), each write, truncation and sync answers
  /// `code`; negative = never. As on a disk, some of what does not fit is written: the first half.
  auto arm(long writes, int code) -> void;
  /// Each read answers `code`, until healed.
  auto fail_reads(int code) -> void;
  /// Reads and writes work again.
  auto heal() -> void;
  auto arm_again(long writes, int code) -> void;
  [[nodiscard]] auto has_failed() -> bool;
  /// Makes in the folder `to` the files of the folder `from` as a loss of power leaves them: what was
  /// synced, and of the writes since then a random part, some of them torn.
  auto write_image(const std::string& from, const std::string& to, Rng& rng) -> void;

 private:
  friend struct FaultyFile;
  struct Write {
    sqlite3_int64 offset = 0;
    std::string bytes;
    bool truncates = false;
  };
  struct Image {
    std::string synced;
    std::vector<Write> unsynced;
  };

  FaultyVfs();
  // With the lock held.
  auto is_dead() -> bool;
  auto admit() -> int;
  static auto apply(std::string& contents, const Write& write) -> void;
  static auto open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* out) -> int;
  static auto remove(sqlite3_vfs* vfs, const char* name, int sync) -> int;

  sqlite3_vfs vfs_{};
  sqlite3_vfs* real_ = nullptr;
  std::mutex mutex_;
  long writes_left_ = -1;
  int code_ = SQLITE_OK;
  int read_code_ = SQLITE_OK;
  bool failed_ = false;
  std::map<std::string, Image> files_;
};

}  // namespace spider
