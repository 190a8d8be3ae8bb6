#include "cli/workload_json.hpp"

namespace spider::cli {
namespace {

using nlohmann::ordered_json;

auto swf_json(const SwfFigures& swf, const WorkloadMetrics& metrics) -> ordered_json {
  return {
      {"records", swf.records},
      {"usable", metrics.jobs},
      {"users", swf.users},
      {"groups", swf.user_groups},
      {"queues", swf.queues},
      {"partitions", swf.partitions},
      {"submit_span_s", to_seconds(swf.submit_span)},
      {"node_seconds", metrics.work_seconds},
      {"run_time_sum_s", metrics.node_seconds},
      {"run_time_median_s", to_seconds(metrics.run_time_median)},
      {"run_time_max_s", to_seconds(metrics.run_time_max)},
      {"processors_max", swf.processors_max},
      {"user_share_max", metrics.group_share_max},
      {"machine_processors", swf.machine_processors},
  };
}

auto stages_json(const StageFigures& stages, const WorkloadMetrics& metrics) -> ordered_json {
  return {
      {"stages", metrics.nodes},
      {"instances", metrics.tasks},
      {"instances_max", metrics.tasks_per_node_max},
      {"single_stage_jobs", metrics.single_node_jobs},
      {"edges", metrics.edges},
      {"duplicate_parents", stages.duplicate_parents},
      {"outside_grammar", stages.outside_grammar},
      {"depth", metrics.levels},
      {"widest_level", metrics.width},
      {"stage_seconds", metrics.node_seconds},
      {"critical_path_sum_s", metrics.critical_path_sum_s},
      {"zero_duration_stages", metrics.zero_time_nodes},
  };
}

}  // namespace

auto workload_json(const Workload& workload, const WorkloadMetrics& metrics) -> ordered_json {
  ordered_json object{
      {"name", workload.name},
      {"format", workload.format},
      {"jobs", metrics.jobs},
      {"tasks", metrics.tasks},
      {"edges", metrics.edges},
      {"groups", metrics.groups},
      {"critical_path_s", to_seconds(metrics.critical_path)},
      {"work_s", metrics.work_seconds},
      {"width", metrics.width},
      {"nodes", metrics.nodes},
      {"roots", metrics.roots},
      {"leaves", metrics.leaves},
      {"components", metrics.components},
      {"levels", metrics.levels},
      {"asap_peak", metrics.asap_peak},
      {"parents_max", metrics.parents_max},
      {"children_max", metrics.children_max},
      {"longest_task_s", to_seconds(metrics.run_time_max)},
      {"zero_time_nodes", metrics.zero_time_nodes},
      {"first_arrival_s", to_seconds(workload.first_arrival)},
      {"last_arrival_s", to_seconds(workload.first_arrival + metrics.last_arrival)},
  };
  auto& skipped = object["skipped"] = ordered_json::object();
  for (const auto& [reason, count] : workload.skipped) skipped[reason] = count;
  if (workload.swf) object["swf"] = swf_json(*workload.swf, metrics);
  if (workload.stages) object["stages"] = stages_json(*workload.stages, metrics);
  return object;
}

auto to_line(const ordered_json& value) -> std::string {
  return value.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

}  // namespace spider::cli
