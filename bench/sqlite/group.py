"""The durable storage: against plainjob (npm, better-sqlite3), against its own file system, against its own size."""

import dataclasses
import json
import shutil
import subprocess

from measure import ROOT, Benchmark, Figure, Goal, Ratio, Unavailable, Value, output_of

HERE = ROOT / "bench" / "sqlite"


@dataclasses.dataclass(frozen=True)
class Plainjob:
    """Numbers: jobs per second `in_process`, in worker `processes`, and the `best` of them. Installed by npm, once."""

    jobs: int
    name = "plainjob"

    def run(self, run):
        if not shutil.which("node") or not shutil.which("npm"):
            raise Unavailable("no node and npm")
        folder = run.programs / "bench" / "plainjob"
        folder.mkdir(parents=True, exist_ok=True)
        for file in ("package.json", "plainjob.mjs"):
            shutil.copy(HERE / file, folder)
        if not (folder / "node_modules" / "better-sqlite3" / "build").exists():
            if run.quick:
                raise Unavailable("not installed yet, and --quick installs nothing")
            installed = subprocess.run(["npm", "install", "--no-audit", "--no-fund"], cwd=folder, capture_output=True)
            if installed.returncode != 0:
                raise Unavailable("npm could not install plainjob")
        jobs = 500 if run.quick else self.jobs
        return json.loads(output_of(["node", folder / "plainjob.mjs", folder, str(jobs)]))


def program(name, quick_name=""):
    return Benchmark("spider_bench_sqlite", name, quick_name)


def rate(name):
    return Value(program(f"{name}/20000", f"{name}/500"), "items_per_second")


def history(what, jobs):
    return Value(program(f"history/{jobs}", "history/1000"), what)


PLAINJOB = Value(Plainjob(20_000), "best")

MEASURES = [
    Ratio("sqlite_vs_plainjob", rate("one_by_one"), PLAINJOB, Goal(least=5)),
    Ratio("sqlite_batched_vs_plainjob", rate("batched"), PLAINJOB, Goal(least=8)),
    Ratio("sqlite_full_vs_fsync", rate("full"), Value(program("fsync"), "items_per_second"), Goal(least=20)),
    Ratio("sqlite_history_poll", history("poll_us", 1_000_000), history("poll_us", 0), Goal(most=1.5)),
    Ratio("sqlite_history_start", history("start_us", 1_000_000), history("start_us", 0), Goal(most=1.5)),
    Figure("sqlite_tasks_per_s", rate("one_by_one"), "1/s"),
    Figure("sqlite_batched_tasks_per_s", rate("batched"), "1/s"),
    Figure("sqlite_arrays_tasks_per_s", rate("arrays"), "1/s"),
    Figure("sqlite_full_tasks_per_s", rate("full"), "1/s"),
    Figure("fsyncs_per_s", Value(program("fsync"), "items_per_second"), "1/s"),
    Figure("plainjob_in_process_jobs_per_s", Value(Plainjob(20_000), "in_process"), "1/s"),
    Figure("plainjob_processes_jobs_per_s", Value(Plainjob(20_000), "processes"), "1/s"),
]
