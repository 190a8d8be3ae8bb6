// Run once what need not run twice. A handler declares which fields make two inputs the same work; what is
// queued is joined, what already runs is followed by exactly one more run.

#include "spider/metrics.hpp"
#include "spider/scheduler.hpp"
#include "spider/virtual_clock.hpp"

#include <iostream>
#include <sstream>

using namespace std::chrono_literals;

struct Target {
  std::string table;
  std::optional<std::string> partition;
  std::string asked_by;  // makes no difference to the work
};

template <>
struct spider::Codec<Target> {
  static auto encode(const Target& target) -> Bytes {
    return target.table + '/' + target.partition.value_or("*") + '/' + target.asked_by;
  }
  static auto decode(const Bytes& bytes) -> Result<Target> {
    std::istringstream parts{bytes};
    Target target;
    std::string partition;
    std::getline(std::getline(std::getline(parts, target.table, '/'), partition, '/'), target.asked_by);
    if (partition != "*") target.partition = partition;
    return target;
  }
};

auto minute(const spider::Clock& clock) -> std::ostream& {
  const auto since_start = clock.now().time_since_epoch();
  return std::cout << "minute " << std::chrono::floor<std::chrono::minutes>(since_start).count() << ": ";
}

class Reindex {
 public:
  explicit Reindex(std::shared_ptr<spider::Clock> clock) : clock_{std::move(clock)} {}
  auto operator()(Target target) const -> spider::Async<void> {
    minute(*clock_) << "reindexing " << target.table << ' ' << target.partition.value_or("as a whole")
                    << '\n';
    SPIDER_CO_TRY(co_await clock_->sleep_until(clock_->now() + 10min));
    co_return spider::success();
  }

 private:
  std::shared_ptr<spider::Clock> clock_;
};

auto submit(spider::VirtualClock& clock, spider::Scheduler& scheduler, const Target& target) -> void {
  spider::JobBuilder job;
  job.task("reindex", target);
  const auto answers = spider::block_on(clock, scheduler.submit_all({job.spec()})).value();
  const auto& answer = answers.front().value();
  minute(clock) << target.asked_by << " gets job " << answer.job.value << " ("
                << spider::to_string(answer.fold) << ")\n";
}

auto refused_declarations() -> void {
  spider::Handlers handlers;
  handlers.coalesce("reindex", spider::CoalesceBy<Target>{});
  std::cout << *handlers.error() << '\n';
  spider::Handlers others;
  others.coalesce("reindex", spider::CoalesceBy<Target>{}
                                 .column("table", &Target::table)
                                 .apart({"orders", "2025", ""}, {"orders", "2026", ""}));
  std::cout << *others.error() << '\n';
}

int main() {
  refused_declarations();

  boost::asio::io_context context;
  const auto clock = std::make_shared<spider::VirtualClock>(context);
  const auto metrics = std::make_shared<spider::Metrics>(spider::MetricsOptions{});
  spider::SchedulerOptions options;
  options.handlers.add("reindex", Reindex{clock})
      .coalesce("reindex", spider::CoalesceBy<Target>{}
                               .column("table", &Target::table)
                               .column("partition", &Target::partition)
                               .apart({"orders", "2025", ""}, {"orders", "2026", ""}));
  options.clock = clock;
  options.observer = metrics;
  spider::Scheduler scheduler{context.get_executor(), options};

  for (const auto* name : {"ann", "bob", "cid"}) submit(*clock, scheduler, {"orders", "2026", name});
  submit(*clock, scheduler, {"orders", std::nullopt, "dan"});
  clock->run_for(5min);
  for (const auto* name : {"eve", "fay", "gus"}) submit(*clock, scheduler, {"orders", "2026", name});
  clock->run_for(1h);

  const spider::CoalesceKey key{"reindex", {"orders", "2026"}};
  const auto pending = spider::block_on(*clock, scheduler.storage().has_pending("default", key)).value();
  std::cout << "pending: " << (pending ? "yes" : "no") << '\n';
  std::istringstream lines{metrics->text()};
  for (std::string line; std::getline(lines, line);) {
    if (line.find("operation=") != std::string::npos) std::cout << line << '\n';
  }
  (void)spider::block_on(*clock, scheduler.stop(spider::StopMode::drain, 1min));
}
