#include "sqlite/spec_format.hpp"

#include <bit>
#include <concepts>
#include <cstring>

namespace spider::inline v1::detail {

namespace {

constexpr std::uint8_t kFormat = 2;
constexpr std::uint8_t kWithoutKeys = 1;  // written by schema version 1, at first without weights

class SpecWriter {
 public:
  template <class T>
  auto operator()(const T& value) -> void {
    if constexpr (std::same_as<T, std::string>) {
      (*this)(static_cast<std::uint32_t>(value.size()));
      bytes += value;
    } else if constexpr (std::same_as<T, Duration>) {
      (*this)(value.count());
    } else if constexpr (std::same_as<T, TimePoint>) {
      (*this)(value.time_since_epoch().count());
    } else if constexpr (std::same_as<T, double>) {
      (*this)(std::bit_cast<std::uint64_t>(value));
    } else {
      auto left = static_cast<std::uint64_t>(value);
      for (std::size_t i = 0; i < sizeof(T); ++i, left >>= 8U) bytes += static_cast<char>(left & 0xffU);
    }
  }
  static constexpr bool has_weight = true;
  std::string bytes;
};

class Reader {
 public:
  explicit Reader(std::string_view bytes) : left{bytes} {}

  template <class T>
  auto operator()(T& value) -> void {
    if constexpr (std::same_as<T, std::string>) {
      const auto size = number<std::uint32_t>();
      if (size > left.size()) return fail();
      value = left.substr(0, size);
      left.remove_prefix(size);
    } else if constexpr (std::same_as<T, Duration>) {
      value = Duration{number<std::int64_t>()};
    } else if constexpr (std::same_as<T, TimePoint>) {
      value = TimePoint{Duration{number<std::int64_t>()}};
    } else if constexpr (std::same_as<T, double>) {
      value = std::bit_cast<double>(number<std::uint64_t>());
    } else {
      value = number<T>();
    }
  }
  template <class T>
  auto number() -> T {
    if (left.size() < sizeof(T)) return fail(), T{};
    std::uint64_t value = 0;
    for (std::size_t i = sizeof(T); i-- > 0;) value = value << 8U | static_cast<unsigned char>(left[i]);
    left.remove_prefix(sizeof(T));
    return static_cast<T>(value);
  }
  auto fail() -> void {
    good = false;
    left = {};
  }

  std::string_view left;
  bool good = true;
  bool has_keys = true;
  bool has_weight = true;
};

/// The fields of both directions, in one order.
template <class Format, class Task>
auto fields(Format& format, Task& task) -> void {
  format(task.handler);
  format(task.name);
  format(task.input);
  format(task.count);
  format(task.retry.attempts_max);
  format(task.retry.backoff_first);
  format(task.retry.backoff_max);
  format(task.retry.backoff_factor);
  format(task.timeout);
  format(task.estimate);
  format(task.instances_max);
}
template <class Format, class Job>
auto header(Format& format, Job& job) -> void {
  format(job.resource_group);
  format(job.queue);
  format(job.priority);
  if (format.has_weight) format(job.weight);
  format(job.unique_key);
  format(job.not_before);
  format(job.deadline);
}

auto write(SpecWriter& out, const TaskSpec& task) -> void {
  fields(out, task);
  out(static_cast<std::uint32_t>(task.parents.size()));
  for (const auto parent : task.parents) out(parent);
  out(static_cast<std::uint8_t>(task.coalesce.has_value()));
  if (!task.coalesce) return;
  out(task.coalesce->operation);
  out(static_cast<std::uint32_t>(task.coalesce->target.size()));
  for (const auto& column : task.coalesce->target) {
    out(static_cast<std::uint8_t>(column.has_value()));
    if (column) out(*column);
  }
}

auto read_key(Reader& in, std::optional<CoalesceKey>& key) -> void {
  if (in.number<std::uint8_t>() == 0) return;
  in(key.emplace().operation);
  const auto columns = in.number<std::uint32_t>();
  if (columns > in.left.size()) return in.fail();
  key->target.resize(columns);
  for (auto& column : key->target) {
    if (in.number<std::uint8_t>() != 0) in(column.emplace());
  }
}

auto read(Reader& in, TaskSpec& task) -> void {
  fields(in, task);
  const auto parents = in.number<std::uint32_t>();
  if (parents > in.left.size() / 4) return in.fail();
  task.parents.resize(parents);
  for (auto& parent : task.parents) in(parent);
  if (in.has_keys) read_key(in, task.coalesce);
}

auto write_optional(SpecWriter& out, const std::optional<TaskSpec>& task) -> void {
  out(static_cast<std::uint8_t>(task.has_value()));
  if (task) write(out, *task);
}

auto read_optional(Reader& in, std::optional<TaskSpec>& task) -> void {
  if (in.number<std::uint8_t>() != 0) read(in, task.emplace());
}

auto read_job(Reader in) -> std::optional<JobSpec> {
  JobSpec spec;
  header(in, spec);
  const auto tasks = in.number<std::uint32_t>();
  if (tasks > in.left.size()) return std::nullopt;
  spec.tasks.resize(tasks);
  for (auto& task : spec.tasks) read(in, task);
  read_optional(in, spec.commit);
  read_optional(in, spec.cleanup);
  if (!in.good || !in.left.empty()) return std::nullopt;
  return spec;
}

}  // namespace

auto pack(const JobSpec& spec) -> std::string {
  SpecWriter out;
  out(kFormat);
  header(out, spec);
  out(static_cast<std::uint32_t>(spec.tasks.size()));
  for (const auto& task : spec.tasks) write(out, task);
  write_optional(out, spec.commit);
  write_optional(out, spec.cleanup);
  return std::move(out.bytes);
}

auto unpack_job(std::string_view bytes) -> std::optional<JobSpec> {
  Reader in{bytes};
  const auto format = in.number<std::uint8_t>();
  if (format != kFormat && format != kWithoutKeys) return std::nullopt;
  in.has_keys = format == kFormat;
  auto job = read_job(in);
  if (job || in.has_keys) return job;
  in.has_weight = false;
  return read_job(in);
}

}  // namespace spider::inline v1::detail
