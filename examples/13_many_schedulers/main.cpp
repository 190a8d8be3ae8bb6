// Three schedulers on one storage: each takes its share, and when one falls silent the others take over.
// What polls here is what a scheduler's core does by itself: give it a client of this kind as its storage.

#include "spider/pull/memory_directory.hpp"
#include "spider/pull/sharded_storage_client.hpp"
#include "spider/storage/memory.hpp"
#include "spider/virtual_clock.hpp"

#include <boost/asio/detached.hpp>

#include <iostream>
#include <vector>

using namespace std::chrono_literals;

struct Member {
  std::string name;
  std::unique_ptr<spider::ShardedStorageClient> client;
  spider::Registration registration{};
};

auto join(std::string name, std::shared_ptr<spider::StorageClient> storage,
          std::shared_ptr<spider::MemberDirectory> directory, spider::VirtualClock& clock) -> Member {
  spider::ShardedStorageOptions options;
  options.takeover_delay = 5s;
  spider::ShardedStorageParts parts{std::move(storage), std::move(directory)};
  Member member{name, spider::make_sharded_storage_client(std::move(parts), options, clock).value()};
  spider::SchedulerInfo info{std::move(name)};
  member.registration = spider::block_on(clock, member.client->register_scheduler(std::move(info))).value();
  boost::asio::co_spawn(clock.context(), spider::rooted(member.client->run()), boost::asio::detached);
  return member;
}

auto poll(const Member& member, spider::VirtualClock& clock) -> void {
  spider::PollRequest request;
  request.scheduler = member.registration.scheduler;
  request.session = member.registration.session;
  request.max_items = 3'000;
  const auto batch = spider::block_on(clock, member.client->poll_ready(std::move(request))).value();
  const auto now = std::chrono::floor<std::chrono::seconds>(clock.now().time_since_epoch());
  std::cout << "second " << now.count() << ": " << member.name << " takes " << batch.entries.size() << " of "
            << member.client->stats().members << " members' work\n";
}

int main() {
  boost::asio::io_context context;
  spider::VirtualClock clock{context};
  const std::shared_ptr<spider::Storage> storage = spider::make_memory_storage({}, clock).value();
  const std::shared_ptr<spider::MemberDirectory> directory = spider::make_memory_directory({}, clock).value();
  std::vector<Member> members;
  for (const auto* name : {"north", "south", "west"})
    members.push_back(join(name, storage, directory, clock));

  spider::JobSpec job;
  spider::TaskSpec work;
  work.handler = "work";
  work.count = 3'000;
  job.tasks = {work};
  const auto submit = [&] { return spider::block_on(clock, storage->submit({&job, 1})).has_value(); };

  clock.run_for(10s);  // each has pinged, and read who else is there
  if (!submit()) return 1;
  for (const auto& member : members) poll(member, clock);

  clock.run_for(10s);  // west falls silent: it polls no more
  if (!submit()) return 1;
  for (const auto* member : {&members[0], &members[1]}) poll(*member, clock);
  clock.run_for(5s);
  for (const auto* member : {&members[0], &members[1]}) poll(*member, clock);
  for (const auto& member : members) {
    std::cout << member.name << ": " << member.client->stats().pulled << " tasks, "
              << member.client->stats().conflicts << " of another's\n";
  }
}
