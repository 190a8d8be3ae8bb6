// Metrics for Prometheus: an observer that counts, served over HTTP with plain Asio, on the loopback
// interface. The program fetches its own figures, as a scraper would.

#include "spider/dispatch_channel.hpp"
#include "spider/metrics.hpp"
#include "spider/scheduler.hpp"
#include "spider/virtual_clock.hpp"

#include <boost/asio/detached.hpp>
#include <boost/asio/experimental/as_tuple.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>

#include <iostream>
#include <sstream>
#include <thread>

namespace asio = boost::asio;
using asio::ip::tcp;
using namespace std::chrono_literals;

/// Answers one request after the other, whatever it asks for. Returns when the acceptor is closed.
auto serve(tcp::acceptor* acceptor, const spider::Metrics* metrics) -> asio::awaitable<void> {
  const auto token = asio::experimental::as_tuple(asio::use_awaitable);
  while (true) {
    auto [refused, socket] = co_await acceptor->async_accept(token);
    if (refused) co_return;
    std::string request;
    const auto [broken, bytes] =
        co_await asio::async_read_until(socket, asio::dynamic_buffer(request, 8192), "\r\n\r\n", token);
    if (broken) continue;
    const auto body = metrics->text();
    const std::string answer =
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nConnection: "
        "close\r\nContent-Length: " +
        std::to_string(body.size()) + "\r\n\r\n" + body;
    const auto [lost, written] = co_await asio::async_write(socket, asio::buffer(answer), token);
    if (lost) continue;
  }
}

auto fetch(tcp::endpoint from) -> std::string {
  asio::io_context context;
  tcp::socket socket{context};
  socket.connect(from);
  asio::write(socket, asio::buffer(std::string{"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"}));
  std::string answer;
  boost::system::error_code end;
  asio::read(socket, asio::dynamic_buffer(answer), end);
  return answer;
}

class Measure {
 public:
  explicit Measure(std::shared_ptr<spider::Clock> clock) : clock_{std::move(clock)} {}
  auto operator()(int minutes) const -> spider::Async<void> {
    SPIDER_CO_TRY(co_await clock_->sleep_until(clock_->now() + std::chrono::minutes{minutes}));
    if (minutes == 13) co_return spider::Error{spider::Errc::handler_failed, "unlucky"};
    co_return spider::success();
  }

 private:
  std::shared_ptr<spider::Clock> clock_;
};

/// A day's work in virtual time, so that every figure is the same every time.
auto work(const std::shared_ptr<spider::Metrics>& metrics) -> void {
  asio::io_context context;
  const auto clock = std::make_shared<spider::VirtualClock>(context);
  spider::SchedulerOptions options;
  options.handlers.add("measure", Measure{clock});
  options.clock = clock;
  options.observer = metrics;
  options.manager.slots = 1;
  spider::Scheduler scheduler{context.get_executor(), options};
  for (const auto* group : {"alice", "bob"}) {
    spider::JobBuilder job{group};
    job.priority(group[0] == 'a' ? 0 : 200);
    for (const int minutes : {5, 5, 13}) job.task("measure", minutes).retry({.attempts_max = 1});
    (void)spider::block_on(*clock, scheduler.submit(job));
  }
  clock->run_for(24h);
  (void)spider::block_on(*clock, scheduler.stop(spider::StopMode::drain, 1min));
}

int main() {
  const auto metrics = std::make_shared<spider::Metrics>(spider::MetricsOptions{.groups_max = 1});
  double depth = 3;  // an application's own figure
  if (!metrics->add_gauge("application_queue_depth", "Read at every scrape.", [&] { return depth; }))
    return 1;
  work(metrics);

  asio::io_context context;
  tcp::acceptor acceptor{context, tcp::endpoint{asio::ip::address_v4::loopback(), 0}};
  asio::co_spawn(context, serve(&acceptor, metrics.get()), asio::detached);
  std::thread server{[&] { context.run(); }};
  std::istringstream lines{fetch(acceptor.local_endpoint())};
  asio::post(context, [&] { acceptor.close(); });
  server.join();

  std::string line;
  std::getline(lines, line);
  std::cout << line << '\n';
  while (std::getline(lines, line)) {
    const bool shown = line.starts_with("spider_events_total{kind=\"task_") ||
                       line.starts_with("spider_dispatch_wait_seconds_count") ||
                       line.starts_with("spider_run_seconds") || line.starts_with("spider_group_") ||
                       line.starts_with("application_");
    if (shown && line.find("kind=\"task_overdue") == std::string::npos) std::cout << line << '\n';
  }
}
