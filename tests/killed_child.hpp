#pragma once

/// A process that tells over a pipe what was acknowledged to it, until it is killed. What it has told is read
/// by its parent, also after its death.

#include "spider/storage/sqlite.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

namespace spider {

/// A file that such processes work on.
inline auto killed_file(const std::string& path) -> SqliteStorageOptions {
  SqliteStorageOptions options{path};
  options.synchronous = SqliteStorageOptions::Synchronous::normal;  // enough against a kill
  return options;
}

template <class T>
struct Told {
  char what = 0;
  T about{};
};

/// In the child.
template <class T>
auto tell(int pipe, char what, const T& about) -> void {
  static_assert(std::is_trivially_copyable_v<T>);
  const Told<T> told{what, about};
  if (::write(pipe, &told, sizeof told) != static_cast<ssize_t>(sizeof told)) ::_exit(2);
}

template <class T>
class KilledChild {
 public:
  /// `work(pipe)` is what the child does; it never returns.
  template <class Work>
  explicit KilledChild(Work work) {
    std::array<int, 2> ends{};
    if (::pipe(ends.data()) != 0) ::abort();
    pid_ = ::fork();
    if (pid_ < 0) ::abort();
    if (pid_ == 0) {
      ::close(ends[0]);
      work(ends[1]);
      ::_exit(6);
    }
    ::close(ends[1]);
    pipe_ = ends[0];
  }
  KilledChild(const KilledChild&) = delete;
  auto operator=(const KilledChild&) -> KilledChild& = delete;
  ~KilledChild() {
    if (pid_ > 0) kill();
    ::close(pipe_);
  }

  /// Waits for what it tells next; none when it is dead and has told no more.
  [[nodiscard]] auto listen() -> std::optional<Told<T>> {
    Told<T> told;
    if (::read(pipe_, &told, sizeof told) != static_cast<ssize_t>(sizeof told)) return std::nullopt;
    return told;
  }
  auto kill() -> void {
    ::kill(pid_, SIGKILL);
    int status = 0;
    ::waitpid(std::exchange(pid_, -1), &status, 0);
    EXPECT_TRUE(WIFSIGNALED(status)) << "the child ended by itself: " << WEXITSTATUS(status);
  }

 private:
  pid_t pid_ = -1;
  int pipe_ = -1;
};

/// How often to kill: SPIDER_KILLS, or so often.
inline auto kills_asked(int usual) -> int {
  const auto* given = std::getenv("SPIDER_KILLS");
  return given != nullptr ? std::atoi(given) : usual;
}

}  // namespace spider
