"""Idle workers: claim and release next to a scan, and by how many workers there are."""

from measure import NO_GOAL, Benchmark, Figure, Goal, Ratio, Value

PROGRAM = "spider_bench_idle"


def claim(workers, how="claim_release"):
    """A claim and its release; `claim_release_cold` of workers that are not in the processor's caches."""
    quick_name = "-" if workers > 100_000 else ""
    return Value(Benchmark(PROGRAM, f"{how}/{workers}", quick_name), "claim_release_ns")


def figure(name, value, goal=NO_GOAL):
    return Figure(name, value, "ns", goal)


SCAN = Value(Benchmark(PROGRAM, "scan/10000"), "real_time_ns")

MEASURES = [
    figure("claim_ns_10k", claim(10_000), Goal(most=200)),
    Ratio("claim_growth", claim(1_000_000), claim(100), Goal(most=3)),
    Ratio("claim_vs_scan", SCAN, claim(10_000), Goal(least=50)),
    figure("claim_ns_100", claim(100)),
    figure("claim_ns_1k", claim(1_000)),
    figure("claim_ns_100k", claim(100_000)),
    figure("claim_ns_1m", claim(1_000_000)),
    figure("claim_cold_ns_100", claim(100, "claim_release_cold")),
    figure("claim_cold_ns_10k", claim(10_000, "claim_release_cold")),
    figure("claim_cold_ns_1m", claim(1_000_000, "claim_release_cold")),
]
