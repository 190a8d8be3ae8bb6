"""A recorded cluster in virtual time: `spider run` on the stage CSV of Alibaba's 2018 trace."""

import dataclasses
import json
import os

from measure import ROOT, Figure, Goal, Unavailable, Value, output_of


@dataclasses.dataclass(frozen=True)
class Replay:
    """`spider run --time virtual`. Numbers: those of its report."""

    workload: str
    workers: int

    def run(self, run):
        traces = os.environ.get("SPIDER_TRACES", ROOT.parent / "shared" / "traces")
        path = os.path.join(traces, self.workload)
        if not os.path.exists(path):
            raise Unavailable(f"no {self.workload} (set SPIDER_TRACES)")
        program = run.programs / "spider"
        if not program.exists():
            raise Unavailable("the spider program was not built")
        command = [program, "run", path, "--time", "virtual", "--workers", str(self.workers), "--quiet", "--json", "-"]
        report = json.loads(output_of(command))
        return {key: value for key, value in report.items() if isinstance(value, (int, float))}


ALIBABA = Replay("other/alibaba2018-min00-20.csv", 1000)

MEASURES = [
    Figure("virtual_tasks_per_s", Value(ALIBABA, "tasks_per_s"), "1/s", Goal(least=300_000)),
    Figure("virtual_peak_rss_mb", Value(ALIBABA, "peak_rss_bytes"), "MB", factor=1e-6),
]
