#include "cli/run/process.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include <fcntl.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

namespace spider::cli {
namespace {

using asio::posix::stream_descriptor;

class FileDescriptor {
 public:
  explicit FileDescriptor(int descriptor = -1) noexcept : descriptor_{descriptor} {}
  FileDescriptor(FileDescriptor&& other) noexcept : descriptor_{other.release()} {}
  auto operator=(FileDescriptor&& other) noexcept -> FileDescriptor& {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  ~FileDescriptor() {
    if (descriptor_ >= 0) close(descriptor_);
  }
  [[nodiscard]] auto get() const noexcept -> int { return descriptor_; }
  auto release() noexcept -> int { return std::exchange(descriptor_, -1); }

 private:
  int descriptor_;
};

struct Child {
  Child() = default;
  Child(Child&&) = default;
  auto operator=(Child&&) -> Child& = default;

  pid_t pid = -1;
  FileDescriptor output;  // the reading end of its standard output and error
  FileDescriptor alive;   // a pidfd: readable once it has ended
};

auto failed(const std::string& program, int code) -> Error {
  return {Errc::io_error, program + ": " + std::strerror(code)};
}

/// A process group of its own: what a terminal sends to ours does not reach it, and it can be ended with all
/// that it has started.
class SpawnAttributes {
 public:
  SpawnAttributes() {
    posix_spawnattr_init(&attributes_);
    posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETPGROUP);
    posix_spawnattr_setpgroup(&attributes_, 0);
  }
  SpawnAttributes(const SpawnAttributes&) = delete;
  auto operator=(const SpawnAttributes&) -> SpawnAttributes& = delete;
  ~SpawnAttributes() { posix_spawnattr_destroy(&attributes_); }
  [[nodiscard]] auto get() const noexcept -> const posix_spawnattr_t* { return &attributes_; }

 private:
  posix_spawnattr_t attributes_{};
};

/// The file actions of posix_spawn for: standard input empty, both outputs into `output`, nothing else.
class SpawnActions {
 public:
  explicit SpawnActions(int output) {
    posix_spawn_file_actions_init(&actions_);
    posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions_, output, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions_, output, STDERR_FILENO);
    posix_spawn_file_actions_addclosefrom_np(&actions_, STDERR_FILENO + 1);
  }
  SpawnActions(const SpawnActions&) = delete;
  auto operator=(const SpawnActions&) -> SpawnActions& = delete;
  ~SpawnActions() { posix_spawn_file_actions_destroy(&actions_); }
  [[nodiscard]] auto get() const noexcept -> const posix_spawn_file_actions_t* { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_{};
};

auto spawn(const ProcessCommand& command) -> Result<Child> {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return failed(command.program, errno);
  Child child;
  child.output = FileDescriptor{ends[0]};
  const FileDescriptor writing{ends[1]};

  std::vector<char*> arguments{const_cast<char*>(command.program.c_str())};
  for (const auto& argument : command.arguments) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  const auto* path = std::getenv("PATH");
  std::string path_entry = std::string{"PATH="} + (path == nullptr ? "/usr/bin:/bin" : path);
  std::string locale_entry = "LC_ALL=C";
  const std::array<char*, 3> environment{path_entry.data(), locale_entry.data(), nullptr};

  const SpawnActions actions{writing.get()};
  const SpawnAttributes attributes;
  const auto code = posix_spawnp(&child.pid, command.program.c_str(), actions.get(), attributes.get(),
                                 arguments.data(), environment.data());
  if (code != 0) return failed(command.program, code);
  child.alive = FileDescriptor{static_cast<int>(syscall(SYS_pidfd_open, child.pid, 0))};
  return child;
}

/// Reads until the other end is closed; false when cancelled.
auto drain(stream_descriptor& from, ProcessEnd& end) -> asio::awaitable<bool> {
  std::array<char, 4096> chunk{};
  while (true) {
    const auto [error, count] =
        co_await from.async_read_some(asio::buffer(chunk), asio::as_tuple(asio::deferred));
    if (error == asio::error::operation_aborted) co_return false;
    if (error) co_return true;
    const auto room = kProcessOutputBytesMax - end.output.size();
    end.output.append(chunk.data(), std::min(room, count));
    end.truncated = end.truncated || count > room;
  }
}

}  // namespace

auto run_process(ProcessCommand command) -> Async<ProcessEnd> {
  const auto stop = co_await cancelled();
  if (stop) co_return Errc::cancelled;
  auto spawned = spawn(command);
  if (!spawned) co_return spawned.error();
  auto& child = spawned.value();

  const auto executor = co_await asio::this_coro::executor;
  stream_descriptor output{executor, child.output.release()};
  stream_descriptor alive{executor, child.alive.release()};
  ProcessEnd end;
  auto undisturbed = co_await drain(output, end);
  if (undisturbed) {
    const auto [error] =
        co_await alive.async_wait(stream_descriptor::wait_read, asio::as_tuple(asio::deferred));
    undisturbed = !error;
  }
  if (!undisturbed) kill(-child.pid, SIGKILL);
  int status = 0;
  waitpid(child.pid, &status, 0);  // has ended, or was just killed: does not block for long
  if (!undisturbed) co_return Errc::cancelled;
  end.exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
  end.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  co_return end;
}

}  // namespace spider::cli
