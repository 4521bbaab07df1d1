"""Trunks in worker processes: one each, one at a time a slot; no death harms another."""

import os
import signal
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path
from typing import NamedTuple, Protocol, runtime_checkable

from epochwise.record import Record, Tick, is_done, run_folder
from epochwise.sweep.plan import Trunk
from epochwise.sweep.slots import Slot
from epochwise.sweep.worker import Job, Work, enter

TAIL = 12  # lines of a log: a Python error with the calls that led to it
POLL = 0.5  # seconds between two looks for finished runs while no worker reports


class Outcome(NamedTuple):
    """How a trunk ended. What it did finish is done, whatever the problem was."""

    trunk: Trunk
    undone: tuple[str, ...]
    """Ids of its runs without DONE."""
    problem: str
    """Empty when nothing is undone."""


@runtime_checkable
class Audience(Protocol):
    """Whoever is told while trunks run."""

    def started(self, trunk: Trunk) -> None: ...

    def ticked(self, trunk: Trunk, tick: Tick) -> None: ...

    def finished(self, record: Record) -> None: ...

    def ended(self, outcome: Outcome) -> None: ...


def fork_server(preload: Sequence[str]) -> ForkServerContext:
    """A context whose first process starts a server that imports `preload` once, for all."""
    # Semaphores of killed workers (tqdm makes some) are cleaned up, but not without a warning
    filters = [os.environ.get("PYTHONWARNINGS", ""), "ignore:resource_tracker:UserWarning"]
    os.environ["PYTHONWARNINGS"] = ",".join(filter(None, filters))
    context = get_context("forkserver")
    context.set_forkserver_preload(list(preload))
    return context


def supervise(
    trunks: Sequence[Trunk],
    work: Work,
    *,
    folder: Path,
    slots: Sequence[Slot],
    context: ForkServerContext,
    audience: Audience,
) -> list[Outcome]:
    """Run every trunk to its end, whatever that is; the slots decide how many at a time.

    Whether a run is done is read from its DONE file alone: exit statuses lie (Lightning 2.6.6
    leaves with 0 after SIGTERM). When this is interrupted, the workers are killed first.
    """
    (folder / "log").mkdir(exist_ok=True)
    waiting, free = deque(trunks), list(slots)
    running: list[Worker] = []
    outcomes = []
    try:
        while waiting or running:
            while waiting and free:
                job = Job(waiting.popleft(), folder, free.pop(0))
                running.append(start(context, work, job))
                audience.started(job.trunk)
            for worker in _ended(running, audience):
                running.remove(worker)
                free.append(worker.job.slot)
                outcomes.append(worker.outcome())
                audience.ended(outcomes[-1])
    finally:
        for worker in running:
            kill(worker.process)
    return outcomes


def kill(process: ForkServerProcess) -> None:
    """The process and all its children are gone; also children that a dead process left."""
    assert process.pid is not None
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:  # nothing left, or too young to have a group of its own
        process.kill()
    process.join()


@dataclass
class Worker:
    """A running worker, as the supervisor sees it."""

    job: Job
    process: ForkServerProcess
    pipe: Connection
    unfinished: list[str]
    mistake: str = ""
    """What the worker said is the user's to mend."""

    def listen(self, audience: Audience) -> None:
        """Pass on what came through the pipe, until the worker has closed it."""
        try:
            while not self.pipe.closed and self.pipe.poll():
                match self.pipe.recv():
                    case Tick() as tick:
                        audience.ticked(self.job.trunk, tick)
                    case str(mistake):
                        self.mistake = mistake
        except (EOFError, ConnectionResetError):
            self.pipe.close()

    def look(self, audience: Audience) -> None:
        """Tell of the runs that have left the trunk since the last look."""
        for run_id in list(self.unfinished):
            folder = run_folder(self.job.folder, run_id)
            if is_done(folder):
                self.unfinished.remove(run_id)
                audience.finished(Record.load(folder / "record.json"))

    def outcome(self) -> Outcome:
        problem = self._problem() if self.unfinished else ""
        return Outcome(self.job.trunk, tuple(self.unfinished), problem)

    def _problem(self) -> str:
        if self.mistake:
            return self.mistake
        status = self.process.exitcode
        assert status is not None
        end = f"killed by {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"
        if status == -signal.SIGKILL:
            end += ", as the system does when memory runs out"
        lines = self.job.log.read_text(encoding="utf-8", errors="replace").splitlines()
        tail = [f"    {line}" for line in lines[-TAIL:]]
        return "\n".join([f"{end}; its log {self.job.log} ends:", *(tail or ["    (empty)"])])


def start(context: ForkServerContext, work: Work, job: Job) -> Worker:
    job.log.touch()
    pipe, theirs = context.Pipe(duplex=False)
    process = context.Process(target=enter, args=(work, job, theirs), name=job.trunk.id)
    process.start()
    theirs.close()  # so that the pipe ends when the worker does
    return Worker(job, process, pipe, unfinished=list(job.trunk.runs))


def _ended(running: list[Worker], audience: Audience) -> list[Worker]:
    """The workers that are gone, after passing on what all of them reported."""
    pipes = [worker.pipe for worker in running if not worker.pipe.closed]
    wait([*pipes, *(worker.process.sentinel for worker in running)], POLL)
    gone = []
    for worker in running:
        dead = not worker.process.is_alive()  # asked first: nothing is said after death
        worker.listen(audience)
        worker.look(audience)
        if dead:
            kill(worker.process)
            gone.append(worker)
    return gone
