"""PolicyCore and the policies: decisions per second, growth with what is buffered, memory, places."""

from measure import Benchmark, Figure, Goal, Ratio, Value


def program(name, quick_name=""):
    return Benchmark("spider_bench_core", name, quick_name)


SMALL = program("decisions/in_turn/10000")
MIDDLE = program("decisions/in_turn/1000000", "decisions/in_turn/10000")
LARGE = program("decisions/in_turn/10000000", "-")
RANDOM = program("decisions/random/1000000", "decisions/random/10000")

MEASURES = [
    Figure("decisions_per_s", Value(MIDDLE, "items_per_second"), "1/s", Goal(least=3_000_000)),
    Figure("decisions_per_s_random_jobs", Value(RANDOM, "items_per_second"), "1/s"),
    Figure("policy_decisions_per_s", Value(program("policy_only/in_turn"), "items_per_second"), "1/s"),
    Figure("policy_decisions_per_s_random_jobs", Value(program("policy_only/random"), "items_per_second"), "1/s"),
    Ratio("decision_growth", Value(SMALL, "items_per_second"), Value(LARGE, "items_per_second"), Goal(most=3)),
    Figure("place_us_1m", Value(program("place"), "real_time_ns"), "us", Goal(most=10), factor=1e-3),
    Figure("bytes_per_buffered_task", Value(MIDDLE, "bytes_per_task"), "B", Goal(most=128)),
]
