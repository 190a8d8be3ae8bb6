"""From entries to acknowledged assignments, from an idle submit to its handler, and all of it."""

from measure import Benchmark, Figure, Goal, Ratio, Value


def program(name, quick_name=""):
    return Benchmark("spider_bench_pipeline", name, quick_name)


def rate(name):
    return Value(program(name), "items_per_second")


SETTINGS = ("single", "default", "batched")  # how many a manager takes at once, or has slots
IDLE, POST = program("idle_dispatch", "few_idle_dispatches"), program("bare_post", "few_bare_posts")
TASKS = program("sleeping_tasks/10000", "sleeping_tasks/160")
TIMERS = program("sleeping_timers/10000", "sleeping_timers/160")

MEASURES = [
    Figure("dispatch_tasks_per_s", rate("dispatch/default"), "1/s", Goal(least=2_000_000)),
    Ratio("dispatch_vs_handmade", rate("dispatch/default"), rate("dispatch_by_hand"), Goal(least=2)),
    Ratio("idle_dispatch_vs_post", Value(IDLE, "p50_us"), Value(POST, "p50_us"), Goal(most=15)),
    Figure("pipeline_tasks_per_s", rate("whole/default"), "1/s", Goal(least=500_000)),
    Ratio("efficiency_10ms", Value(TIMERS, "real_time_ns"), Value(TASKS, "real_time_ns"), Goal(least=0.99)),
    *(Figure(f"dispatch_tasks_per_s_{name}", rate(f"dispatch/{name}"), "1/s") for name in SETTINGS),
    *(Figure(f"dispatch_{p}_{name}", Value(program(f"dispatch/{name}"), p), "us")
      for name in SETTINGS for p in ("p50_us", "p99_us", "p999_us")),
    *(Figure(f"pipeline_tasks_per_s_{name}", rate(f"whole/{name}"), "1/s") for name in SETTINGS),
    *(Figure(f"pipeline_{p}_{name}", Value(program(f"whole/{name}"), p), "us")
      for name in SETTINGS for p in ("p50_us", "p99_us", "p999_us")),
    Figure("pipeline_tasks_per_s_one_task_jobs", rate("whole/one_task_jobs"), "1/s"),
    *(Figure(f"idle_dispatch_{p}", Value(IDLE, p), "us") for p in ("p50_us", "p99_us", "p999_us")),
    Figure("bare_post_p50_us", Value(POST, "p50_us"), "us"),
]
