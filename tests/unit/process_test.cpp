#include "cli/run/process.hpp"
#include "spider/async.hpp"

#include <gtest/gtest.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>

#include <csignal>
#include <optional>

namespace spider::cli {
namespace {

auto run(std::string program, std::vector<std::string> arguments) -> Result<ProcessEnd> {
  asio::io_context context;
  ProcessCommand command;
  command.program = std::move(program);
  command.arguments = std::move(arguments);
  return block_on(context, run_process(std::move(command)));
}

TEST(Process, OutputAndStatusAreItsOwn) {
  const auto end = run("sh", {"-c", "echo out; echo err >&2; exit 3"});
  ASSERT_TRUE(end) << end.error();
  EXPECT_EQ(end.value().output, "out\nerr\n");
  EXPECT_EQ(end.value().exit_status, 3);
  EXPECT_FALSE(end.value().succeeded());
}

TEST(Process, ArgumentsMeetNoShell) {
  const auto end = run("printf", {"%s|", "a b", "$HOME", "*", "; false"});
  ASSERT_TRUE(end) << end.error();
  EXPECT_EQ(end.value().output, "a b|$HOME|*|; false|");
  EXPECT_TRUE(end.value().succeeded());
}

TEST(Process, EnvironmentIsClean) {
  const auto end = run("env", {});
  ASSERT_TRUE(end) << end.error();
  EXPECT_EQ(end.value().output.find("PATH="), 0U);
  EXPECT_NE(end.value().output.find("\nLC_ALL=C\n"), std::string::npos);
  EXPECT_EQ(std::count(end.value().output.begin(), end.value().output.end(), '\n'), 2);
}

TEST(Process, InheritsNoDescriptorAndAnEmptyInput) {
  // The listing itself holds one more descriptor open.
  const auto end = run("sh", {"-c", "cat; ls /proc/self/fd | wc -l"});
  ASSERT_TRUE(end) << end.error();
  EXPECT_EQ(end.value().output, "4\n");
}

TEST(Process, ProgramThatDoesNotExistIsAnError) {
  const auto end = run("/nowhere/at/all", {});
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error(), Errc::io_error);
  EXPECT_NE(end.error().detail.find("/nowhere/at/all"), std::string::npos);
}

TEST(Process, SignalIsReported) {
  const auto end = run("sh", {"-c", "kill -TERM $$"});
  ASSERT_TRUE(end) << end.error();
  EXPECT_EQ(end.value().signal, SIGTERM);
  EXPECT_FALSE(end.value().succeeded());
}

TEST(Process, LongOutputIsCutAndTheProcessGoesOn) {
  const auto end = run("sh", {"-c", "head -c 3000000 /dev/zero; exit 7"});
  ASSERT_TRUE(end) << end.error();
  EXPECT_EQ(end.value().output.size(), kProcessOutputBytesMax);
  EXPECT_TRUE(end.value().truncated);
  EXPECT_EQ(end.value().exit_status, 7);
}

TEST(Process, CancellationKillsIt) {
  asio::io_context context;
  asio::cancellation_signal stop;
  std::optional<Result<ProcessEnd>> end;
  ProcessCommand command;
  command.program = "sleep";
  command.arguments = {"1000"};
  asio::co_spawn(
      context, rooted(run_process(std::move(command))),
      asio::bind_cancellation_slot(
          stop.slot(), [&](std::exception_ptr, Result<ProcessEnd> result) { end = std::move(result); }));
  context.poll();
  ASSERT_FALSE(end);
  asio::post(context, [&] { stop.emit(asio::cancellation_type::terminal); });
  context.restart();
  context.run();
  ASSERT_TRUE(end);
  EXPECT_EQ(end->error(), Errc::cancelled);
}

}  // namespace
}  // namespace spider::cli
