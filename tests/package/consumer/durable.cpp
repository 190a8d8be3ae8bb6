// A job that outlives the program that submitted it: it is stored by one opening of the file and run by
// the next.

#include "spider/scheduler.hpp"
#include "spider/storage/sqlite.hpp"
#include "spider/system_clock.hpp"

#include <cstdio>
#include <iostream>

namespace {

auto submit(const std::string& file) -> spider::Result<spider::JobId> {
  boost::asio::io_context context;
  spider::SystemClock clock{context.get_executor()};
  BOOST_OUTCOME_TRY(const auto storage,
                    spider::open_sqlite_storage(spider::SqliteStorageOptions{file}, clock));
  spider::JobBuilder job{"alice"};
  job.task("decode", "in.jpg");
  std::vector<spider::JobSpec> jobs;
  jobs.push_back(job.spec());
  BOOST_OUTCOME_TRY(const auto submitted, spider::block_on(context, storage->submit(jobs)));
  BOOST_OUTCOME_TRY(const auto stored, submitted.front());
  return stored.job;
}

auto run(const std::string& file, spider::JobId job) -> spider::Result<spider::JobState> {
  boost::asio::thread_pool threads{2};
  spider::SchedulerOptions options;
  options.clock = std::make_shared<spider::SystemClock>(threads.get_executor());
  options.handlers.add("decode", [](std::string path) { std::cout << "pixels of " << path << '\n'; });
  BOOST_OUTCOME_TRY(auto storage,
                    spider::open_sqlite_storage(spider::SqliteStorageOptions{file}, *options.clock));
  options.storage = std::move(storage);
  spider::Scheduler scheduler{threads.get_executor(), options};
  return spider::block_on(threads, scheduler.wait(job, std::chrono::minutes{1}));
}

}  // namespace

int main() {
  const std::string file = "consumer.sqlite";
  for (const auto* end : {"", "-wal", "-shm"}) std::remove((file + end).c_str());
  const auto job = submit(file);
  if (!job) return std::cerr << job.error() << '\n', 1;
  const auto end = run(file, job.value());
  if (!end) return std::cerr << end.error() << '\n', 1;
  return end.value() == spider::JobState::succeeded ? 0 : 1;
}
