"""What test workers do: one way each to end."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable

import runs

from epochwise.record import Tick
from epochwise.sweep.worker import Job

On = Callable[[Tick], None]


def by_size(job: Job, on_step: On) -> None:
    """The way to end is chosen by the number of training rows, so that one study has them all."""
    size = next(iter(job.trunk.runs.values())).data.size
    WAYS[size](job, on_step)


def finish(job: Job, on_step: On) -> None:
    for run_id, run in job.trunk.runs.items():
        runs.complete(job.folder, run_id, run)
        on_step(Tick(run.train.epochs, 4, 1.0))
    print(f"device {os.environ.get('CUDA_VISIBLE_DEVICES')}")
    print(f"threads {os.environ['OMP_NUM_THREADS']}")


def fail(job: Job, on_step: On) -> None:
    os.write(1, b"written below Python\n")
    raise RuntimeError("the device is on fire")


def mistake(job: Job, on_step: On) -> None:
    raise ValueError("data.size=14: there are only 9 rows")


def finish_first_then_die(job: Job, on_step: On) -> None:
    run_id, run = next(iter(job.trunk.runs.items()))
    runs.complete(job.folder, run_id, run)
    print("last words", flush=True)
    os.kill(os.getpid(), signal.SIGKILL)


def leave(job: Job, on_step: On) -> None:
    sys.exit(0)


def hang(job: Job, on_step: On) -> None:
    child = subprocess.Popen(["sleep", "300"])
    (job.folder / "pids").write_text(f"{os.getpid()} {child.pid}")
    on_step(Tick(1, 4, 1.0))
    time.sleep(300)


def tick_until_nobody_listens(job: Job, on_step: On) -> None:
    (job.folder / "pid").write_text(str(os.getpid()))
    while True:
        on_step(Tick(1, 4, 1.0))
        time.sleep(0.05)


WAYS = {
    11: finish,
    12: fail,
    13: finish_first_then_die,
    14: mistake,
    15: leave,
    16: hang,
    17: tick_until_nobody_listens,
}
