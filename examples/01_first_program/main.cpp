// The first program: two handlers, a job of two tasks, its result.

#include "spider/scheduler.hpp"

#include <iostream>

std::string decode(std::string path) { return "pixels of " + path; }

std::string resize(spider::TaskContext& task, int width) {
  return task.parent<std::string>(0) + " at " + std::to_string(width);
}

int main() {
  boost::asio::thread_pool threads{4};
  spider::Handlers handlers;
  handlers.add("decode", decode);
  handlers.add("resize", resize);
  spider::Scheduler scheduler{threads.get_executor(), {.handlers = handlers}};
  spider::JobBuilder job{"alice"};
  auto photo = job.task("decode", "in.jpg");
  auto thumb = job.task("resize", 256).after(photo);
  auto done = spider::block_on(threads, scheduler.submit_and_wait(job));
  if (!done) return std::cerr << done.error() << '\n', 1;
  std::cout << done.value().output<std::string>(thumb) << '\n';
}
