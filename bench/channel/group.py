"""The dispatch channel: against Asio's channels, oneTBB's bounded queue and the bare ConcurrentQueue."""

from measure import Benchmark, Figure, Goal, Ratio, Value


def rate(name):
    return Value(Benchmark("spider_bench_channel", name), "items_per_second")


def time(name):
    return Value(Benchmark("spider_bench_channel", name), "median_ns")


MEASURES = [
    Ratio("channel_1thread_vs_asio", rate("ours/1thread"), rate("asio_channel"), Goal(least=5)),
    Ratio("channel_2threads_vs_asio", rate("ours/2threads"), rate("asio_concurrent_channel"), Goal(least=5)),
    Ratio("channel_2threads_vs_tbb", rate("ours/2threads"), rate("tbb_queue"), Goal(least=1)),
    Ratio("channel_batch64_vs_single", rate("ours/1thread_batch64"), rate("ours/1thread"), Goal(least=4)),
    Ratio("channel_try_vs_raw_queue", rate("try_calls"), rate("raw_queue"), Goal(least=0.3)),
    Ratio("channel_await_vs_raw_queue", rate("await_calls"), rate("raw_queue"), Goal(least=0.15)),
    Ratio("bump_depth_growth", time("bump_depth/cold/1000000"), time("bump_depth/cold/1000"), Goal(most=3)),
    Ratio("bump_waiters_growth", time("bump_waiters/1000"), time("bump_waiters/0"), Goal(most=3)),
    Figure("channel_1thread_items_per_s", rate("ours/1thread"), "1/s"),
    Figure("channel_2threads_items_per_s", rate("ours/2threads"), "1/s"),
    Figure("channel_2threads_batch64_items_per_s", rate("ours/2threads_batch64"), "1/s"),
    Ratio("channel_1thread_reachable", rate("await_floor"), rate("asio_channel")),
    Figure("bump_ns_warm_1k", time("bump_depth/warm/1000"), "ns"),
    Figure("bump_ns_warm_1m", time("bump_depth/warm/1000000"), "ns"),
    Figure("bump_ns_cold_1k", time("bump_depth/cold/1000"), "ns"),
    Figure("bump_ns_cold_1m", time("bump_depth/cold/1000000"), "ns"),
]
