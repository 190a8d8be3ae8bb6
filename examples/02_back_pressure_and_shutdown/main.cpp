// Back-pressure, and an orderly end. A full dispatch queue suspends whoever wants to put more in;
// a scheduler that stops lets running handlers end, names those that do not, and loses nothing.

#include "spider/dispatch_channel.hpp"
#include "spider/scheduler.hpp"
#include "spider/virtual_clock.hpp"

#include <boost/asio/detached.hpp>

#include <iostream>

using namespace std::chrono_literals;

auto minute(const spider::Clock& clock) -> std::ostream& {
  const auto since_start = clock.now().time_since_epoch();
  return std::cout << "minute " << std::chrono::floor<std::chrono::minutes>(since_start).count() << ": ";
}

auto produce(spider::DispatchQueueSink* sink, spider::Clock* clock) -> spider::Async<void> {
  for (std::uint64_t number = 1; number <= 4; ++number) {
    spider::TaskAssignment assignment;
    assignment.id = spider::AssignmentId{number};
    assignment.session = spider::SessionId{1};
    SPIDER_CO_TRY(co_await sink->enqueue(assignment));  // suspends while there is no room
    minute(*clock) << "put in " << number << '\n';
  }
  sink->close();
  co_return spider::success();
}

auto consume(spider::DispatchQueueSource* source, spider::Clock* clock) -> spider::Async<void> {
  while (true) {
    SPIDER_CO_TRY(co_await clock->sleep_until(clock->now() + 1min));
    SPIDER_CO_TRY(const auto taken, co_await source->dequeue(1h));
    if (taken) minute(*clock) << "took out " << taken->id.value << '\n';
  }
}

auto back_pressure() -> void {
  boost::asio::io_context context;
  spider::VirtualClock clock{context};
  spider::DispatchChannelOptions options;
  options.capacity = 2;
  options.session = spider::SessionId{1};
  auto channel = spider::make_dispatch_channel(options, clock).value();
  boost::asio::co_spawn(context, spider::rooted(produce(channel.sink.get(), &clock)), boost::asio::detached);
  const auto end = spider::block_on(clock, consume(channel.source.get(), &clock));
  minute(clock) << end.error() << '\n';
  std::cout << "never more than " << channel.counters().high_water << " in it\n";
}

class Encode {
 public:
  explicit Encode(std::shared_ptr<spider::Clock> clock) : clock_{std::move(clock)} {}
  auto operator()(std::string film) const -> spider::Async<std::string> {
    const auto length = film == "epic" ? 600min : 10min;
    SPIDER_CO_TRY(co_await clock_->sleep_until(clock_->now() + length));
    co_return film + " encoded";
  }

 private:
  std::shared_ptr<spider::Clock> clock_;
};

auto shutdown() -> void {
  boost::asio::io_context context;
  const auto clock = std::make_shared<spider::VirtualClock>(context);
  spider::SchedulerOptions options;
  options.handlers.add("encode", Encode{clock});
  options.clock = clock;
  options.manager.slots = 2;
  options.dispatch_capacity = 2;
  spider::Scheduler scheduler{context.get_executor(), options};

  spider::JobBuilder job{"alice"};
  for (const auto* film : {"epic", "short", "news", "cartoon", "trailer"}) job.task("encode", film);
  const auto id = spider::block_on(*clock, scheduler.submit(job)).value();
  clock->run_for(15min);

  const auto report = spider::block_on(*clock, scheduler.stop(spider::StopMode::drain, 30min)).value();
  minute(*clock) << "stopped\n";
  for (const auto& handler : report.still_running) {
    std::cout << "still running: " << handler.name << ", task " << handler.task.task.index() << '\n';
  }
  const auto tasks = spider::block_on(*clock, scheduler.storage().view_tasks(id, {})).value();
  for (const auto& task : tasks) {
    std::cout << "task " << task.id.index() << ": " << spider::to_string(task.state) << '\n';
  }
}

int main() {
  back_pressure();
  shutdown();
}
