"""What test workers do: one way each to end."""

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable

import runs

from epochwise.config import Experiment
from epochwise.record import Tick
from epochwise.sweep.worker import Job, still_alive
from epochwise.train.stop import Stop, Stopped

Runs = dict[str, Experiment]
On = Callable[[Tick], None]


def by_size(job: Job, left: Runs, on_step: On, stop: Stop) -> None:
    """The way to end is chosen by the number of training rows, so that one study has them all."""
    size = next(iter(job.trunk.runs.values())).data.size
    WAYS[size](job, left, on_step, stop)


def finish(job: Job, left: Runs, on_step: On, stop: Stop) -> None:
    for run_id, run in left.items():
        runs.complete(job.folder, run_id, run)
        on_step(Tick(run.train.epochs, 4, 1.0))
    print(f"device {os.environ.get('CUDA_VISIBLE_DEVICES')}")
    print(f"threads {os.environ['OMP_NUM_THREADS']}")


def fail(job: Job, left: Runs, on_step: On, stop: Stop) -> None:
    os.write(1, b"written below Python\n")
    raise RuntimeError("the device is on fire")


def mistake(job: Job, left: Runs, on_step: On, stop: Stop) -> None:
    raise ValueError("data.size=14: there are only 9 rows")


def finish_first_then_die(job: Job, left: Runs, on_step: On, stop: Stop) -> None:
    run_id, run = next(iter(left.items()))
    runs.complete(job.folder, run_id, run)
    print("last words", flush=True)
    os.kill(os.getpid(), signal.SIGKILL)


def leave(job: Job, left: Runs, on_step: On, stop: Stop) -> None:
    sys.exit(0)


def hang_with_a_child(job: Job, left: Runs, on_step: On, stop: Stop) -> None:
    child = subprocess.Popen(["sleep", "300"])
    (job.folder / "pids").write_text(f"{os.getpid()} {child.pid}")
    on_step(Tick(1, 4, 1.0))
    while not stop.asked():
        time.sleep(0.05)
    (job.folder / "kept").touch()
    raise Stopped


def tick_until_stopped(job: Job, left: Runs, on_step: On, stop: Stop) -> None:
    (job.folder / "pid").write_text(str(os.getpid()))
    while not stop.asked():
        on_step(Tick(1, 4, 1.0))
        time.sleep(0.05)
    raise Stopped


def exit_below_python(job: Job, left: Runs, on_step: On, stop: Stop) -> None:
    os._exit(7)


def eat_memory(job: Job, left: Runs, on_step: On, stop: Stop) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (2**30, 2**30))
    eaten = []
    while True:
        eaten.append(bytearray(2**26))


def hang(job: Job, left: Runs, on_step: On, stop: Stop) -> None:
    still_alive(0.2)
    time.sleep(300)


def flood(job: Job, left: Runs, on_step: On, stop: Stop) -> None:
    line = b"all work and no play\n" * 50_000
    while True:
        os.write(1, line)


def fail_once(job: Job, left: Runs, on_step: On, stop: Stop) -> None:
    if job.attempt == 1:
        raise RuntimeError("a passing trouble")
    finish(job, left, on_step, stop)


def ignore_stops(job: Job, left: Runs, on_step: On, stop: Stop) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    (job.folder / "pid").write_text(str(os.getpid()))
    time.sleep(300)


def finish_and_count(job: Job, left: Runs, on_step: On, stop: Stop) -> None:
    """A short run, whose every completion leaves a line of its own."""
    for run_id, run in left.items():
        time.sleep(0.3)
        if stop.asked():
            raise Stopped
        runs.complete(job.folder, run_id, run)
        with (job.folder / "completed").open("a") as file:
            file.write(f"{run_id}\n")
        on_step(Tick(1, 1, 1.0))


WAYS = {
    11: finish,
    12: fail,
    13: finish_first_then_die,
    14: mistake,
    15: leave,
    16: hang_with_a_child,
    17: tick_until_stopped,
    18: exit_below_python,
    19: eat_memory,
    20: hang,
    21: flood,
    22: fail_once,
    23: ignore_stops,
    24: finish_and_count,
}
