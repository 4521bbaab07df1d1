"""What happens in a worker process: one trunk, its output in a log, its progress on a pipe."""

import fcntl
import os
import sys
import time
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

from epochwise.record import Study, Tick
from epochwise.sweep.plan import Trunk
from epochwise.sweep.slots import Slot

INTERVAL = 0.1  # seconds between two ticks: what an eye can follow


class Job(NamedTuple):
    """A trunk, the study's folder and the slot it runs on."""

    trunk: Trunk
    folder: Path
    slot: Slot

    @property
    def log(self) -> Path:
        return self.folder / "log" / f"{self.trunk.id}.log"


Work = Callable[[Job, Callable[[Tick], None]], None]


def train_trunk(job: Job, on_step: Callable[[Tick], None]) -> None:
    """The work of a study's workers. Imports here are free: the fork server has them loaded."""
    import torch

    from epochwise.experiment import run_trunk
    from epochwise.sweep import preload

    if os.getpid() == preload.PROCESS:
        print("note: the libraries were not preloaded, this worker loaded them", flush=True)
    torch.set_num_threads(job.slot.threads)  # OMP_NUM_THREADS was read at import, long ago
    command = Study.load(job.folder).command
    run_trunk(job.trunk.runs, job.folder, on_step=on_step, command=command)


def enter(work: Work, job: Job, pipe: Connection) -> None:
    """Where a worker starts: in a session of its own, so that it can be killed with its children.

    A ValueError or a loss that is not finite is the user's to mend: its message goes to the
    supervisor. Anything else stays in the log with its traceback.
    """
    os.setsid()
    try:
        write_to(job.log)
        os.environ |= environment(job.slot)
        work(job, Reporter(pipe))
    except (ValueError, FloatingPointError) as mistake:
        traceback.print_exc()
        pipe.send(str(mistake))
        sys.exit(1)


class Reporter:
    """Sends ticks to the supervisor, ten a second at most, the last one always.

    Once the supervisor is gone sending fails, and that ends the worker: nobody would know of it.
    """

    def __init__(self, pipe: Connection) -> None:
        self.pipe = pipe
        self.sent = -INTERVAL

    def __call__(self, tick: Tick) -> None:
        now = time.monotonic()
        if now - self.sent >= INTERVAL or tick.step == tick.steps:
            self.pipe.send(tick)
            self.sent = now


def write_to(log: Path) -> None:
    """Standard output and error go to the log: also those of libraries not written in Python.

    The log is locked for the life of this process and its children, so that a worker whose
    supervisor was killed and the one that replaces it never write the same run.
    """
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise ValueError(
            f"{log} is in use: a worker of an earlier command is still stopping; try again"
        ) from error
    os.ftruncate(file, 0)
    os.dup2(file, 1)
    os.dup2(file, 2)
    os.close(file)


def environment(slot: Slot) -> dict[str, str]:
    """What a worker's libraries and children read."""
    device = {} if slot.device is None else {"CUDA_VISIBLE_DEVICES": slot.device}
    return device | {"OMP_NUM_THREADS": str(slot.threads)}
