// Where is my task, and why is it not running? One printer, a burst of one customer, two pictures of another.

#include "spider/explanation.hpp"
#include "spider/scheduler.hpp"
#include "spider/virtual_clock.hpp"

#include <iostream>

using namespace std::chrono_literals;

class Print {
 public:
  explicit Print(std::shared_ptr<spider::Clock> clock) : clock_{std::move(clock)} {}
  auto operator()() const -> spider::Async<void> { return clock_->sleep_until(clock_->now() + 10min); }

 private:
  std::shared_ptr<spider::Clock> clock_;
};

int main() {
  boost::asio::io_context context;
  const auto clock = std::make_shared<spider::VirtualClock>(context);
  spider::SchedulerOptions options;
  options.clock = clock;
  options.manager.slots = 1;      // one printer
  options.dispatch_capacity = 1;  // decide late: who comes in now may still go first
  options.handlers.add("print", Print{clock}).add("bind", [] {});
  spider::Scheduler scheduler{context.get_executor(), options};
  const auto run = [&](auto work) { return spider::block_on(*clock, std::move(work)).value(); };
  const auto tell = [&](const char* what, spider::TaskRef task) {
    const auto why = run(scheduler.explain(task));
    std::cout << what << ": " << spider::describe(why, clock->now()) << '\n';
  };

  spider::JobBuilder burst{"alice"};
  burst.array("print", 100);
  const auto alice = run(scheduler.submit(burst));
  clock->run_for(1min);
  spider::JobBuilder album{"bob"};
  const auto pictures = album.array("print", 2);
  const auto book = album.task("bind").after(pictures);
  const auto bob = run(scheduler.submit(album));
  clock->run_for(1min);

  std::cout << "Two minutes later:\n";
  tell("alice's last", {alice, spider::TaskId{99}});
  tell("bob's first", {bob, spider::TaskId{0}});
  tell("bob's book", {bob, book.first_task()});

  clock->run_for(1h);
  std::cout << "An hour later:\n";
  tell("alice's last", {alice, spider::TaskId{99}});
  tell("bob's book", {bob, book.first_task()});
}
