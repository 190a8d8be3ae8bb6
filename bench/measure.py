"""What a group.py is written with: sources of numbers, and the ratios and figures made of them."""

import dataclasses
import json
import pathlib
import re
import subprocess
import typing

ROOT = pathlib.Path(__file__).resolve().parents[1]


class Unavailable(Exception):
    """What a source needs is not here; the measures made of it are reported as not measured."""


def build():
    """Makes the release build, and returns its folder."""
    for command in (["cmake", "--preset", "release"], ["cmake", "--build", "--preset", "release", "--target", "bench"]):
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode != 0:
            raise SystemExit(f"{done.stdout[-4000:]}\nbench: {' '.join(command)} failed")
    return ROOT / "build" / "release"


@dataclasses.dataclass(frozen=True)
class Run:
    """How this run of the benchmarks is made."""

    programs: pathlib.Path  # the folder of the build
    quick: bool = False

    @property
    def min_time_s(self):
        return 0.01 if self.quick else 0.5


@dataclasses.dataclass(frozen=True)
class Benchmark:
    """One benchmark of a Google Benchmark program. Numbers: its counters, `items_per_second`, `real_time_ns`."""

    program: str
    name: str
    quick_name: str = ""  # what --quick runs instead; "-" for nothing

    def run(self, run):
        name = self.quick_name if run.quick and self.quick_name else self.name
        if name == "-":
            raise Unavailable("takes too long for --quick")
        command = [
            run.programs / "bench" / self.program,
            f"--benchmark_filter=^{re.escape(name)}(/|$)",
            f"--benchmark_min_time={run.min_time_s}",
            "--benchmark_format=json",
        ]
        results = json.loads(output_of(command))["benchmarks"]
        if len(results) != 1:
            raise RuntimeError(f"{self.program}: {len(results)} benchmarks are named {name}")
        result = results[0]
        if result.get("error_occurred"):
            raise Unavailable(result["error_message"])
        numbers = {key: value for key, value in result.items() if isinstance(value, (int, float))}
        return numbers | {"real_time_ns": in_ns(result["real_time"], result["time_unit"])}


def in_ns(time, unit):
    return time * {"ns": 1, "us": 1e3, "ms": 1e6, "s": 1e9}[unit]


def output_of(command, timeout_s=600):
    """What the command prints; it must succeed."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=timeout_s)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))} ended with {done.returncode}:\n{done.stderr[-2000:]}")
    return done.stdout


@dataclasses.dataclass(frozen=True)
class Value:
    """One number of a source: anything hashable with `run(Run) -> dict of numbers`."""

    source: typing.Any
    key: str

    def of(self, numbers):
        return numbers[self.source][self.key]


@dataclasses.dataclass(frozen=True)
class Goal:
    least: float = None
    most: float = None

    def met(self, value):
        return (self.least is None or value >= self.least) and (self.most is None or value <= self.most)

    def __str__(self):
        if self.least is not None:
            return f">= {self.least:,}"
        return f"<= {self.most:,}" if self.most is not None else ""


NO_GOAL = Goal()


@dataclasses.dataclass(frozen=True)
class Ratio:
    """`over / under`, of the same round."""

    name: str
    over: Value
    under: Value
    goal: Goal = NO_GOAL
    unit = "ratio"

    def values(self):
        return (self.over, self.under)

    def of(self, numbers):
        return self.over.of(numbers) / self.under.of(numbers)


@dataclasses.dataclass(frozen=True)
class Figure:
    """One number, in `unit`: what the value's own unit times `factor` is."""

    name: str
    value: Value
    unit: str
    goal: Goal = NO_GOAL
    factor: float = 1

    def values(self):
        return (self.value,)

    def of(self, numbers):
        return self.value.of(numbers) * self.factor
