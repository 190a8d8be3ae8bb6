#include "faulty_vfs.hpp"

#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <new>

namespace spider {

namespace {

auto contents_of(const std::string& path) -> std::string {
  std::ifstream in{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{in}, {}};
}

}  // namespace

/// What SQLite takes for an open file: the real one stands behind it.
struct FaultyFile : sqlite3_file {
  sqlite3_file* real;
  std::string* name;  ///< null for files that are not kept track of

  static auto of(sqlite3_file* file) -> FaultyFile& { return *static_cast<FaultyFile*>(file); }
  static auto vfs() -> FaultyVfs& { return FaultyVfs::instance(); }

  static auto close(sqlite3_file* file) -> int {
    auto& self = of(file);
    delete self.name;
    return self.real->pMethods->xClose(self.real);
  }
  static auto read(sqlite3_file* file, void* to, int size, sqlite3_int64 at) -> int {
    {
      const std::scoped_lock lock{vfs().mutex_};
      if (vfs().read_code_ != SQLITE_OK) return vfs().read_code_;
    }
    return of(file).real->pMethods->xRead(of(file).real, to, size, at);
  }
  static auto write(sqlite3_file* file, const void* from, int size, sqlite3_int64 at) -> int {
    auto& self = of(file);
    const std::scoped_lock lock{vfs().mutex_};
    if (const auto code = vfs().admit(); code != SQLITE_OK) {
      if (code == SQLITE_FULL) self.real->pMethods->xWrite(self.real, from, size / 2, at);
      return code;
    }
    if (self.name != nullptr) {
      std::string bytes(static_cast<const char*>(from), static_cast<std::size_t>(size));
      vfs().files_[*self.name].unsynced.push_back({at, std::move(bytes), false});
    }
    return self.real->pMethods->xWrite(self.real, from, size, at);
  }
  static auto truncate(sqlite3_file* file, sqlite3_int64 size) -> int {
    auto& self = of(file);
    const std::scoped_lock lock{vfs().mutex_};
    if (const auto code = vfs().admit(); code != SQLITE_OK) return code;
    if (self.name != nullptr) vfs().files_[*self.name].unsynced.push_back({size, {}, true});
    return self.real->pMethods->xTruncate(self.real, size);
  }
  /// The image is durable; the real file need not be.
  static auto sync(sqlite3_file* file, int) -> int {
    auto& self = of(file);
    const std::scoped_lock lock{vfs().mutex_};
    if (vfs().is_dead()) return SQLITE_IOERR_FSYNC;
    if (self.name == nullptr) return SQLITE_OK;
    auto& image = vfs().files_[*self.name];
    for (const auto& each : image.unsynced) FaultyVfs::apply(image.synced, each);
    image.unsynced.clear();
    return SQLITE_OK;
  }
  static auto size(sqlite3_file* file, sqlite3_int64* out) -> int {
    return of(file).real->pMethods->xFileSize(of(file).real, out);
  }
  static auto lock(sqlite3_file* file, int level) -> int {
    return of(file).real->pMethods->xLock(of(file).real, level);
  }
  static auto unlock(sqlite3_file* file, int level) -> int {
    return of(file).real->pMethods->xUnlock(of(file).real, level);
  }
  static auto check_lock(sqlite3_file* file, int* out) -> int {
    return of(file).real->pMethods->xCheckReservedLock(of(file).real, out);
  }
  static auto control(sqlite3_file* file, int what, void* with) -> int {
    return of(file).real->pMethods->xFileControl(of(file).real, what, with);
  }
  static auto sector(sqlite3_file* file) -> int {
    return of(file).real->pMethods->xSectorSize(of(file).real);
  }
  static auto traits(sqlite3_file*) -> int { return 0; }  // promises nothing
  static auto shm_map(sqlite3_file* file, int page, int size, int extend, void volatile** out) -> int {
    return of(file).real->pMethods->xShmMap(of(file).real, page, size, extend, out);
  }
  static auto shm_lock(sqlite3_file* file, int offset, int count, int flags) -> int {
    return of(file).real->pMethods->xShmLock(of(file).real, offset, count, flags);
  }
  static auto shm_barrier(sqlite3_file* file) -> void { of(file).real->pMethods->xShmBarrier(of(file).real); }
  static auto shm_unmap(sqlite3_file* file, int remove) -> int {
    return of(file).real->pMethods->xShmUnmap(of(file).real, remove);
  }

  static auto methods() -> const sqlite3_io_methods* {
    static const sqlite3_io_methods all = [] {
      sqlite3_io_methods made{};
      made.iVersion = 2;
      made.xClose = close;
      made.xRead = read;
      made.xWrite = write;
      made.xTruncate = truncate;
      made.xSync = sync;
      made.xFileSize = size;
      made.xLock = lock;
      made.xUnlock = unlock;
      made.xCheckReservedLock = check_lock;
      made.xFileControl = control;
      made.xSectorSize = sector;
      made.xDeviceCharacteristics = traits;
      made.xShmMap = shm_map;
      made.xShmLock = shm_lock;
      made.xShmBarrier = shm_barrier;
      made.xShmUnmap = shm_unmap;
      return made;
    }();
    return &all;
  }
};

auto FaultyVfs::instance() -> FaultyVfs& {
  static FaultyVfs vfs;
  return vfs;
}

FaultyVfs::FaultyVfs() : real_{sqlite3_vfs_find(nullptr)} {
  vfs_ = *real_;
  vfs_.szOsFile = static_cast<int>(sizeof(FaultyFile)) + real_->szOsFile;
  vfs_.pNext = nullptr;
  vfs_.zName = kName;
  vfs_.xOpen = open;
  vfs_.xDelete = remove;
  sqlite3_vfs_register(&vfs_, 0);
}

auto FaultyVfs::arm(long writes, int code) -> void {
  const std::scoped_lock lock{mutex_};
  files_.clear();
  writes_left_ = writes;
  code_ = code;
  failed_ = false;
}

auto FaultyVfs::arm_again(long writes, int code) -> void {
  const std::scoped_lock lock{mutex_};
  writes_left_ = writes;
  code_ = code;
}

auto FaultyVfs::fail_reads(int code) -> void {
  const std::scoped_lock lock{mutex_};
  read_code_ = code;
}

auto FaultyVfs::heal() -> void {
  arm_again(-1, SQLITE_OK);
  fail_reads(SQLITE_OK);
}

auto FaultyVfs::has_failed() -> bool {
  const std::scoped_lock lock{mutex_};
  return failed_;
}

auto FaultyVfs::is_dead() -> bool {
  failed_ = failed_ || writes_left_ == 0;
  return writes_left_ == 0;
}

auto FaultyVfs::admit() -> int {
  if (is_dead()) return code_;
  if (writes_left_ > 0) --writes_left_;
  return SQLITE_OK;
}

auto FaultyVfs::open(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* out) -> int {
  auto& self = instance();
  auto& faulty = FaultyFile::of(file);
  faulty.pMethods = nullptr;
  faulty.name = nullptr;
  faulty.real =
      reinterpret_cast<sqlite3_file*>(static_cast<char*>(static_cast<void*>(file)) + sizeof(FaultyFile));
  const auto code = self.real_->xOpen(self.real_, name, faulty.real, flags, out);
  if (code != SQLITE_OK) return code;
  if (name != nullptr) {
    faulty.name = new std::string{name};
    const std::scoped_lock lock{self.mutex_};
    self.files_.try_emplace(name, Image{contents_of(name), {}});
  }
  faulty.pMethods = FaultyFile::methods();
  return SQLITE_OK;
}

auto FaultyVfs::remove(sqlite3_vfs*, const char* name, int sync) -> int {
  auto& self = instance();
  const std::scoped_lock lock{self.mutex_};
  if (self.is_dead()) return SQLITE_IOERR_DELETE;
  self.files_.erase(name);
  return self.real_->xDelete(self.real_, name, sync);
}

auto FaultyVfs::apply(std::string& contents, const Write& write) -> void {
  const auto at = static_cast<std::size_t>(write.offset);
  if (write.truncates) return contents.resize(at);
  if (contents.size() < at + write.bytes.size()) contents.resize(at + write.bytes.size());
  contents.replace(at, write.bytes.size(), write.bytes);
}

auto FaultyVfs::write_image(const std::string& from, const std::string& to, Rng& rng) -> void {
  namespace fs = std::filesystem;
  const std::scoped_lock lock{mutex_};
  fs::remove_all(to);
  fs::create_directory(to);
  for (const auto& [name, image] : files_) {
    if (fs::path{name}.parent_path() != from) continue;
    auto contents = image.synced;
    for (auto write : image.unsynced) {
      const auto fate = rng.below(4);
      if (fate == 0) continue;
      if (fate == 1 && write.bytes.size() > 512)
        write.bytes.resize(512 * rng.below(write.bytes.size() / 512));
      apply(contents, write);
    }
    std::ofstream{to + '/' + fs::path{name}.filename().string(), std::ios::binary} << contents;
  }
}

}  // namespace spider
