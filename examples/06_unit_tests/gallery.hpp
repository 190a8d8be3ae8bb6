#pragma once

/// The application under test: a gallery that makes thumbnails and reminds people after a week.

#include "spider/scheduler.hpp"

namespace gallery {

inline auto decode(std::string path) -> spider::Answer<std::string> {
  if (path.ends_with(".jpg")) return "pixels of " + path;
  return spider::Retry::never("not a picture: " + path);
}

inline auto resize(spider::TaskContext& task, int width) -> std::string {
  return task.parent<std::string>() + " at " + std::to_string(width);
}

class Remind {
 public:
  explicit Remind(std::shared_ptr<spider::Clock> clock) : clock_{std::move(clock)} {}
  auto operator()(std::string) const -> spider::Async<void> {
    co_return co_await clock_->sleep_until(clock_->now() + std::chrono::hours{7 * 24});
  }

 private:
  std::shared_ptr<spider::Clock> clock_;
};

inline auto handlers(std::shared_ptr<spider::Clock> clock) -> spider::Handlers {
  spider::Handlers handlers;
  handlers.add("decode", decode).add("resize", resize).add("remind", Remind{std::move(clock)});
  return handlers;
}

/// Submits the work for one uploaded picture. Errors: those of `submit`.
inline auto upload(spider::JobClient* jobs, std::string user, std::string path) -> spider::Async<void> {
  spider::JobBuilder job{std::move(user)};
  const auto picture = job.task("decode", path);
  for (const auto width : {64, 256}) job.task("resize", width).after(picture);
  std::vector<spider::JobSpec> specs;
  specs.push_back(job.spec());
  SPIDER_CO_TRY(const auto answers, co_await jobs->submit(specs));
  if (!answers.front()) co_return answers.front().error();
  co_return spider::success();
}

}  // namespace gallery
