#include "cli/run/run_key.hpp"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>

namespace spider::cli {

namespace {

/// A chain of SplitMix64 steps; texts are fed with their lengths, so that their borders count.
class Fingerprint {
 public:
  auto feed(std::uint64_t value) -> void { state_ = mix64(state_ ^ value) + value; }
  auto feed(double value) -> void { feed(std::bit_cast<std::uint64_t>(value)); }
  auto feed(const std::string& text) -> void {
    feed(std::uint64_t{text.size()});
    for (std::size_t at = 0; at < text.size(); at += sizeof(std::uint64_t)) {
      std::uint64_t word = 0;
      std::memcpy(&word, text.data() + at, std::min(sizeof word, text.size() - at));
      feed(word);
    }
  }
  [[nodiscard]] auto text() const -> std::string {
    std::string digits(16, '0');
    for (std::size_t i = 0; i < digits.size(); ++i) {
      digits[i] = "0123456789abcdef"[state_ >> (60 - 4 * i) & 0xfU];
    }
    return digits;
  }

 private:
  std::uint64_t state_ = 1;
};

auto feed_task(Fingerprint& print, const WorkloadTask& task) -> void {
  print.feed(task.name);
  print.feed(static_cast<std::uint64_t>(task.run_time.count()));
  print.feed(std::uint64_t{task.count});
  print.feed(std::uint64_t{task.parents.size()});
  for (const auto parent : task.parents) print.feed(std::uint64_t{parent});
  print.feed(std::uint64_t{task.command.has_value()});
  if (!task.command) return;
  print.feed(task.command->program);
  print.feed(std::uint64_t{task.command->arguments.size()});
  for (const auto& argument : task.command->arguments) print.feed(argument);
}

auto feed_job(Fingerprint& print, const WorkloadJob& job) -> void {
  print.feed(job.name);
  print.feed(job.group);
  print.feed(std::uint64_t{job.priority});
  print.feed(static_cast<std::uint64_t>(job.arrival.count()));
  print.feed(std::uint64_t{job.tasks.size()});
  for (const auto& task : job.tasks) feed_task(print, task);
}

}  // namespace

RunKey::RunKey(const std::vector<Workload>& workloads, const RunOptions& options) {
  Fingerprint print;
  print.feed(options.policy);
  print.feed(std::uint64_t{options.workers});
  print.feed(static_cast<std::uint64_t>(options.time));
  print.feed(std::uint64_t{options.exec});
  print.feed(options.speed);
  print.feed(options.seed);
  if (options.schedulers > 1) print.feed(std::uint64_t{options.schedulers});
  for (const auto& workload : workloads) {
    print.feed(std::uint64_t{workload.jobs.size()});
    for (const auto& job : workload.jobs) feed_job(print, job);
  }
  prefix_ = "run:" + print.text() + ':';
}

auto RunKey::number(const std::string& unique_key) const -> std::optional<std::size_t> {
  if (!unique_key.starts_with(prefix_)) return std::nullopt;
  std::size_t number = 0;
  const auto* end = unique_key.data() + unique_key.size();
  const auto [stop, fault] = std::from_chars(unique_key.data() + prefix_.size(), end, number);
  if (fault != std::errc{} || stop != end) return std::nullopt;
  return number;
}

}  // namespace spider::cli
