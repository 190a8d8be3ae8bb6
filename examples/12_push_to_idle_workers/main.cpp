// Push mode: the dispatcher picks an idle worker and hands it the assignment. A worker that does not
// answer gets nothing more before its lease has lapsed; what it was sent goes to another.

#include "spider/dispatch_channel.hpp"
#include "spider/handed_back.hpp"
#include "spider/push_dispatcher.hpp"
#include "spider/sharded_worker_pool.hpp"
#include "spider/virtual_clock.hpp"

#include <boost/asio/detached.hpp>

#include <iostream>

using namespace std::chrono_literals;

// What stands in for a fleet of machines. Worker 2 has lost its network until minute 1.
class Fleet {
 public:
  Fleet(spider::VirtualClock& clock, spider::WorkerPool& pool) : clock_{clock}, pool_{pool} {}

  auto deliver(spider::Claim claim, spider::TaskAssignment assignment) -> spider::Async<void> {
    say() << "task " << assignment.id.value << " to worker " << claim.worker.value;
    if (claim.worker == spider::WorkerId{2} && seconds() < 60) {
      std::cout << ", no answer\n";
      co_return spider::Error{spider::Errc::io_error, "no answer"};
    }
    std::cout << '\n';
    boost::asio::co_spawn(clock_.context(), spider::rooted(work(claim, assignment)), boost::asio::detached);
    co_return spider::success();  // taken; when it is done, the worker says so itself
  }

 private:
  auto work(spider::Claim claim, spider::TaskAssignment assignment) -> spider::Async<void> {
    SPIDER_CO_TRY(co_await clock_.sleep_until(clock_.now() + 20s));  // longer ones would renew the claim
    say() << "task " << assignment.id.value << " is done\n";
    co_return co_await pool_.release(claim);
  }
  auto seconds() const -> std::int64_t {
    return std::chrono::floor<std::chrono::seconds>(clock_.now().time_since_epoch()).count();
  }
  auto say() const -> std::ostream& { return std::cout << "second " << seconds() << ": "; }

  spider::VirtualClock& clock_;
  spider::WorkerPool& pool_;
};

auto put_in(spider::DispatchQueueSink& sink, spider::TaskAssignment assignment) -> void {
  if (auto put = sink.try_enqueue(assignment); !put) std::cout << put.error() << '\n';
}

int main() {
  boost::asio::io_context context;
  spider::VirtualClock clock{context};
  auto channel =
      spider::make_dispatch_channel({.capacity = 16, .session = spider::SessionId{1}}, clock).value();
  auto pool = spider::make_sharded_worker_pool({}, clock).value();
  for (std::uint64_t worker = 1; worker <= 2; ++worker) {
    spider::WorkerInfo info{spider::WorkerId{worker}};
    if (auto added = spider::block_on(clock, pool->add(info)); !added) std::cout << added.error() << '\n';
  }

  Fleet fleet{clock, *pool};
  spider::HandedBackQueue handed_back{clock};
  spider::PushDispatcherOptions options;
  options.claimant = spider::ClaimantId{1};
  options.lease = 30s;
  auto dispatcher =
      spider::make_push_dispatcher(options, *channel.source, *pool, handed_back, clock,
                                   [&fleet](spider::Claim claim, spider::TaskAssignment assignment) {
                                     return fleet.deliver(claim, assignment);
                                   })
          .value();
  for (std::uint64_t number = 1; number <= 4; ++number) {
    spider::TaskAssignment assignment;
    assignment.id = spider::AssignmentId{number};
    assignment.session = spider::SessionId{1};
    put_in(*channel.sink, assignment);
  }
  boost::asio::co_spawn(context, spider::rooted(dispatcher->run()), boost::asio::detached);
  clock.run_for(70s);

  // A scheduler's core does this by itself: what comes back is scheduled again.
  for (const auto& assignment : handed_back.take(16)) put_in(*channel.sink, assignment);
  channel.sink->close();
  clock.run_for(60s);

  const auto counters = dispatcher->counters();
  std::cout << counters.taken << " taken = " << counters.delivered << " delivered + " << counters.handed_back
            << " handed back\n";
}
