// plainjob, as its documentation says: jobs are added one by one by one caller, then no-op handlers run them, in
// this process and then, on a new file, in one worker process per processor. Prints both rates.
//
//   node plainjob.mjs FOLDER JOBS            the measurement
//   node plainjob.mjs --work FILE            a worker process

import { fork } from "node:child_process";
import { rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import Database from "better-sqlite3";
import { better, defineQueue, defineWorker, JobStatus } from "plainjob";

const logger = { error: console.error, warn() {}, info() {}, debug() {} };
const open = (file) => defineQueue({ connection: better(new Database(file)), logger }); // WAL, synchronous NORMAL
const doNothing = async () => {};

function fill(file, jobs) {
  for (const end of ["", "-wal", "-shm"]) rmSync(file + end, { force: true });
  const queue = open(file);
  for (let job = 0; job < jobs; ++job) queue.add("nothing", { job });
  return queue;
}

async function inThisProcess(file, jobs) {
  const begin = performance.now();
  const queue = fill(file, jobs);
  let done = 0;
  await new Promise((resolve) => {
    const onCompleted = () => ++done === jobs && resolve();
    defineWorker("nothing", doNothing, { queue, logger, onCompleted }).start();
  });
  return { queue, seconds: (performance.now() - begin) / 1000 };
}

async function inProcesses(file, jobs) {
  const begin = performance.now();
  const queue = fill(file, jobs);
  const workers = os.cpus().map(() => fork(fileURLToPath(import.meta.url), ["--work", file]));
  while (queue.countJobs({ type: "nothing", status: JobStatus.Done }) < jobs) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const seconds = (performance.now() - begin) / 1000;
  for (const worker of workers) worker.kill("SIGKILL");
  return { queue, seconds };
}

if (process.argv[2] === "--work") {
  await defineWorker("nothing", doNothing, { queue: open(process.argv[3]), logger }).start();
} else {
  const [folder, jobs] = [process.argv[2], Number(process.argv[3])];
  const file = path.join(folder, "plainjob.db");
  const alone = await inThisProcess(file, jobs);
  const shared = await inProcesses(file, jobs);
  const rates = { in_process: jobs / alone.seconds, processes: jobs / shared.seconds };
  console.log(JSON.stringify({ ...rates, best: Math.max(rates.in_process, rates.processes) }));
  process.exit(0);
}
