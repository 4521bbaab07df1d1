"""Trunks as Slurm jobs, through submitit: one job for each attempt."""

import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from epochwise.record import read_json
from epochwise.sweep.cluster import Losses, Remote, cleared, end_file, unmark
from epochwise.sweep.launch import SlurmQueue
from epochwise.sweep.slurm_job import Attempt
from epochwise.sweep.supervisor import Ended
from epochwise.sweep.worker import Job

LOST = ("NODE_FAIL", "PREEMPTED", "BOOT_FAIL", "TIMEOUT", "REVOKED")  # states that are no failure
ASKING = 5.0  # seconds between two questions to Slurm while somebody waits for an end
LATE = 90.0  # seconds that a file may take to be seen here: network file systems remember 60
LEAVING = 10.0  # seconds for cancelled jobs to be gone
TAIL = 3  # lines of a job's own standard error


@dataclass
class Submitted:
    """A job as the supervisor's side sees it."""

    job: Job
    handle: Any
    """submitit's."""
    asked: bool = False
    """Whether somebody waits for it to end."""
    cancelled: bool = False
    looked: float = 0.0
    over: float | None = None
    """When Slurm was first heard to have ended it."""


class OnSlurm:
    """The executor of a Slurm cluster."""

    def __init__(self, remote: Remote, queue: SlurmQueue, limit: int, *, executor: Any) -> None:
        """`limit`: jobs that are submitted at a time; `executor`: submitit's."""
        self.remote = remote
        self.queue = queue
        self.limit = limit
        self.executor = executor
        self.submitted: list[Submitted] = []
        self.refused: list[Ended] = []
        self.losses = Losses()

    @property
    def room(self) -> int:
        return self.limit - len(self.submitted)

    def start(self, job: Job) -> None:
        from submitit.core.utils import FailedJobError

        limits = (
            f"came to its time limit, hydra.launcher.timeout_min={self.queue.timeout_min}, more"
            f" often than hydra.launcher.max_num_timeout={self.queue.max_num_timeout}; raise one;"
            " what it has kept is taken up"
        )
        attempt = Attempt(self.remote, self.remote.seen(cleared(job)), limits)
        try:
            with _interruptible():
                self.submitted.append(Submitted(job, self.executor.submit(attempt)))
        except FailedJobError as refusal:
            said = " ".join(str(refusal).split())
            self.refused.append(Ended(job, f"Slurm refused the job: {said}"))

    def ended(self, patience: float) -> list[Ended]:
        """The jobs that are over, after waiting at most `patience` seconds for the first."""
        found = self._found()
        if not found:
            time.sleep(patience)
            found = self._found()
        return found

    def stop(self, job: Job) -> None:
        """Ask the job to keep its state at the next step boundary, and end; or not to begin."""
        job.stop.touch()
        for submitted in self._of(job):
            submitted.asked = True
            if self.queue.cluster == "slurm":  # sooner than a file is seen through a network
                number = submitted.handle.job_id
                _scancel("--state=PENDING", number)
                _scancel("--state=RUNNING", "--signal=TERM", number)

    def kill(self, job: Job) -> None:
        for submitted in self._of(job):
            _cancel(submitted)

    def close(self) -> None:
        """No job is left, neither running nor waiting."""
        for submitted in self.submitted:
            _cancel(submitted)
        end = time.monotonic() + LEAVING
        while time.monotonic() < end and not all(_is_gone(left) for left in self.submitted):
            time.sleep(0.1)
        self.submitted.clear()
        unmark(self.remote.site)

    def _of(self, job: Job) -> list[Submitted]:
        return [submitted for submitted in self.submitted if submitted.job == job]

    def _found(self) -> list[Ended]:
        ends = [(submitted, self._how(submitted)) for submitted in self.submitted]
        over = [(submitted, how) for submitted, how in ends if how]
        for submitted, _ in over:
            self.submitted.remove(submitted)
        refused, self.refused = self.refused, []
        return refused + [Ended(submitted.job, how) for submitted, how in over]

    def _how(self, submitted: Submitted) -> str | None:
        """How the job ended, as it has said; else as Slurm says, some time after its end."""
        said = end_file(submitted.job)
        if said.is_file():
            return str(read_json(said))
        if not _is_gone(submitted):
            return None
        submitted.over = submitted.over or time.monotonic()
        late = LATE if self.queue.cluster == "slurm" and not submitted.asked else 0.0
        if time.monotonic() - submitted.over < late:
            return None
        return self._end_unsaid(submitted)

    def _end_unsaid(self, submitted: Submitted) -> str:
        job, handle = submitted.job, submitted.handle
        state = handle.state.partition(" ")[0]  # CANCELLED by 1000
        words = f"Slurm job {handle.job_id} ended as {state}"
        if job.stop.exists():
            return "stopped"
        if state in LOST:
            return self.losses.how(job, words)
        if not handle.paths.stdout.exists():
            node = handle.get_info("cache").get("NodeList", "its node")
            words += (
                f" on {node} and wrote nothing: does {node} see {self.remote.site.folder}? Give"
                " the command with folder=... in a folder that all nodes share"
            )
        return "; ".join([words, *_tail(handle)])


@contextmanager
def _interruptible() -> Iterator[None]:
    """What starts meanwhile hears SIGINT, by which submitit cancels a job on this machine.

    In a shell's background it is ignored, and a process that is started inherits that.
    """
    before = signal.getsignal(signal.SIGINT)
    if before is not signal.SIG_IGN or threading.current_thread() is not threading.main_thread():
        yield
        return
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def _cancel(submitted: Submitted) -> None:
    """Once: submitit's own executor would break off its killing at a second word."""
    submitted.asked = True
    if not submitted.cancelled:
        submitted.cancelled = True
        submitted.handle.cancel(check=False)


def _is_gone(submitted: Submitted) -> bool:
    """Whether Slurm has ended the job. It is asked seldom, unless somebody waits."""
    now = time.monotonic()
    force = submitted.asked and now - submitted.looked >= ASKING
    if force:
        submitted.looked = now
    return bool(submitted.handle.done(force_check=force))


def _tail(handle: Any) -> list[str]:
    """The end of the job's own standard error: setup lines, Python itself, submitit."""
    lines = (handle.stderr() or "").splitlines()[-TAIL:]
    return [f"{handle.paths.stderr} ends: {' '.join(lines)}"] if lines else []


def _scancel(*arguments: str) -> None:
    """A job that is not in the state meant is left alone, and what scancel says of it unheard."""
    subprocess.run(["scancel", *arguments], capture_output=True, check=False)
