// Commit and cleanup: what a job of several steps needs to be all or nothing. The commit task runs
// after all others have succeeded; the cleanup task when the job was cancelled, or its commit failed.

#include "spider/scheduler.hpp"
#include "spider/virtual_clock.hpp"

#include <iostream>

using namespace std::chrono_literals;

class Upload {
 public:
  explicit Upload(std::shared_ptr<spider::Clock> clock) : clock_{std::move(clock)} {}
  auto operator()(std::string part) const -> spider::Async<void> {
    std::cout << "  upload " << part << '\n';
    co_return co_await clock_->sleep_until(clock_->now() + 1h);
  }

 private:
  std::shared_ptr<spider::Clock> clock_;
};

void publish(std::string album) { std::cout << "  publish " << album << '\n'; }
void take_back(std::string album) { std::cout << "  remove the parts of " << album << '\n'; }
auto refuse(std::string album) -> spider::Answer<void> {
  std::cout << "  refuse " << album << '\n';
  return spider::Retry::never("the album exists");
}

auto album(std::string name, std::string commit) -> spider::JobSpec {
  spider::JobBuilder job{"alice"};
  for (const auto* part : {"cover", "songs"}) job.task("upload", name + '/' + part);
  job.commit(std::move(commit), name);
  job.cleanup("take_back", name);
  return job.spec();
}

int main() {
  boost::asio::io_context context;
  const auto clock = std::make_shared<spider::VirtualClock>(context);
  spider::SchedulerOptions options;
  options.clock = clock;
  options.manager.threads = 0;  // plain functions on the executor: the output has one order
  options.handlers.add("upload", Upload{clock}).add("publish", publish);
  options.handlers.add("refuse", refuse).add("take_back", take_back);
  spider::Scheduler scheduler{context.get_executor(), options};
  const auto run = [&](auto work) { return spider::block_on(*clock, std::move(work)); };
  const auto end = [&](spider::JobId job) {
    const auto state = run(scheduler.wait(job, 24h));
    std::cout << "  " << spider::to_string(state.value()) << '\n';
    const auto view = run(scheduler.view(job));
    if (!view.value().reason.empty()) std::cout << "  because: " << view.value().reason << '\n';
  };

  std::cout << "all parts arrive:\n";
  end(run(scheduler.submit(album("debut", "publish"))).value());

  std::cout << "the commit fails for good:\n";
  end(run(scheduler.submit(album("debut", "refuse"))).value());

  std::cout << "cancelled half way:\n";
  const auto second = run(scheduler.submit(album("encore", "publish"))).value();
  clock->run_for(30min);
  const auto cancelled = run(scheduler.cancel(second)).value();
  std::cout << "  cancel: " << spider::to_string(cancelled) << '\n';
  end(second);
}
