"""What happens on a slot: one trunk after the other, its output in a log, its progress in a file.

The same on every kind of executor: a worker reports through the study's folder alone.
"""

import faulthandler
import fcntl
import json
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, NamedTuple

from epochwise.config import Experiment, TrainerConfig
from epochwise.record import Tick, finite, is_done, read_json, run_folder, write_json
from epochwise.sweep.plan import Trunk
from epochwise.sweep.slots import Slot
from epochwise.train.stop import Stop, Stopped

LOG = 2  # standard error, as a number: whatever Python calls by that name
INTERVAL = 0.5  # seconds between two reports of progress: what an eye can follow
PATIENCE = 120.0  # seconds for a worker of an earlier command to end its step

End = Literal["finished", "stopped", "failed"]


class Job(NamedTuple):
    """A trunk, the study's folder, and the attempt at it that this is."""

    trunk: Trunk
    folder: Path
    attempt: int
    config: TrainerConfig
    command: str = ""
    threads: int = 1
    """For each of the processes that train it."""

    @property
    def home(self) -> Path:
        """What the worker and the supervisor tell each other lies here."""
        return trunk_home(self.folder, self.trunk.id)

    @property
    def log(self) -> Path:
        return self.folder / "log" / f"{self.trunk.id}.log"

    @property
    def progress(self) -> Path:
        return self.home / "progress.json"

    @property
    def problem(self) -> Path:
        """What went wrong, where it is the user's to mend."""
        return self.home / f"problem-{self.attempt}.json"

    @property
    def stop(self) -> Path:
        """As long as it exists, this attempt is asked to stop."""
        return self.home / f"stop-{self.attempt}"

    @property
    def token(self) -> Path:
        """The number of the attempt that may publish."""
        return self.home / "attempt.json"

    @property
    def undone(self) -> dict[str, Experiment]:
        runs = self.trunk.runs
        return {run: runs[run] for run in runs if not is_done(run_folder(self.folder, run))}


Work = Callable[[Job, dict[str, Experiment], Callable[[Tick], None], Stop], None]


def trunk_home(study_folder: Path, trunk: str) -> Path:
    return study_folder / "trunks" / trunk


def train_trunk(
    job: Job, runs: dict[str, Experiment], on_step: Callable[[Tick], None], stop: Stop
) -> None:
    """The work of a study's workers. Imports here are free: the fork server has them loaded."""
    from epochwise.experiment import Manner, run_trunk
    from epochwise.sweep.peers import together

    with together(job, runs) as ranks:
        manner = Manner(
            name=job.trunk.id,
            config=job.config,
            command=job.command,
            stop=stop,
            ranks=ranks,
            alive=lambda: still_alive(job.config.hang_seconds),
            may_publish=lambda: check_token(job),
        )
        run_trunk(runs, job.folder, on_step=on_step, manner=manner)


class ReplacedError(RuntimeError):
    """Another attempt at the same trunk has begun: this one may leave nothing more."""


def check_token(job: Job) -> None:
    current = read_json(job.token)
    if current != job.attempt:
        raise ReplacedError(f"attempt {job.attempt} was replaced by attempt {current}")


def carried_out(work: Work, job: Job, stop: Stop, *, alive: Callable[[], None]) -> End:
    """How the job ended. Its output is in its log, its runs that are done have their DONE.

    Args:
        alive: Called with every report of progress; may ask for a stop.
    """
    with output_to(job.log), ended_if_it_hangs(job.config.hang_seconds):
        print(f"attempt {job.attempt}", flush=True)
        try:
            with held(job.home / "lock"):
                left = job.undone  # asked now: whoever held the lock may have finished some
                if left:
                    work(job, left, Reporter(job, alive), stop)
        except Stopped:
            print("stopped: the state is kept", flush=True)
            return "stopped"
        except (ValueError, FloatingPointError, MemoryError) as mistake:
            traceback.print_exc()
            write_json(job.problem, str(mistake) or "memory ran out")  # only that says nothing
            return "failed"
        except Exception:
            traceback.print_exc()
            return "failed"
        finally:
            flush_output()
    return "finished"


@contextmanager
def ended_if_it_hangs(seconds: float) -> Iterator[None]:
    """While inside, this process ends with all its stacks in the log unless it says
    that it is `still_alive` before `seconds` are over, again and again.

    The watch is a thread that needs nothing of Python: it sees hangs in any library.
    """
    still_alive(seconds)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()


def still_alive(seconds: float) -> None:
    faulthandler.dump_traceback_later(seconds, exit=True, file=LOG)


class Reporter:
    """Writes how far the trunk is, twice a second at most, and at its last step."""

    def __init__(self, job: Job, alive: Callable[[], None]) -> None:
        self.job = job
        self.alive = alive
        self.reported = -INTERVAL

    def __call__(self, tick: Tick) -> None:
        now = time.monotonic()
        if now - self.reported >= INTERVAL or tick.step == tick.steps:
            self.alive()
            told = tick._asdict() | {"attempt": self.job.attempt, "time": time.time()}
            partial = self.job.progress.with_suffix(".partial")
            partial.write_text(json.dumps(finite(told)), encoding="utf-8")
            partial.replace(self.job.progress)  # a glance: no disk needs to have it for good
            self.reported = now


def progress(path: Path, attempt: int) -> Tick | None:
    """What the worker of this attempt reported last."""
    if not path.is_file():
        return None
    told = read_json(path)
    if told["attempt"] != attempt:
        return None
    return Tick(*(told[name] for name in Tick._fields))


@contextmanager
def output_to(log: Path) -> Iterator[None]:
    """Standard output and error go to the log: also those of libraries not written in Python."""
    flush_output()
    before = [os.dup(number) for number in (1, 2)]
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        for number in (1, 2):
            os.dup2(file, number)
        os.close(file)
        yield
    finally:
        flush_output()
        for number, kept in zip((1, 2), before, strict=True):
            os.dup2(kept, number)
            os.close(kept)


def flush_output() -> None:
    sys.stdout.flush()
    sys.stderr.flush()


@contextmanager
def held(lock: Path) -> Iterator[None]:
    """While inside, no other process works on this trunk; the system frees the lock at death.

    A worker whose supervisor was killed may still be at its last step: that is waited for.
    """
    lock.parent.mkdir(parents=True, exist_ok=True)
    file = os.open(lock, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        _acquire(file, lock)
        yield
    finally:
        os.close(file)


def _acquire(file: int, lock: Path) -> None:
    end = time.monotonic() + PATIENCE
    while True:
        try:
            return fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() > end:
                raise ValueError(
                    f"{lock.parent} is in use: a worker of an earlier command has not ended"
                    f" within {PATIENCE:.0f} s; end it, then give the same command again"
                ) from error
            time.sleep(0.1)


def environment(slot: Slot) -> dict[str, str]:
    """What a worker's libraries and children read."""
    device = {} if slot.device is None else {"CUDA_VISIBLE_DEVICES": slot.device}
    return device | {"OMP_NUM_THREADS": str(slot.threads)}
