"""Workers on this machine: a process for each slot, forked from one that has all libraries loaded.

A worker carries out one trunk after the other and keeps what they have in common. One that dies,
hangs or fails is replaced by a fresh one, and harms no other.
"""

import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerContext, ForkServerProcess

from epochwise.sweep.slots import Slot
from epochwise.sweep.supervisor import Ended
from epochwise.sweep.worker import Job, Work, carried_out, environment
from epochwise.train.stop import STATUS, Stop


def fork_server(preload: Sequence[str]) -> ForkServerContext:
    """A context whose first process starts a server that imports `preload` once, for all."""
    # Semaphores of killed workers (tqdm makes some) are cleaned up, but not without a warning
    filters = [os.environ.get("PYTHONWARNINGS", ""), "ignore:resource_tracker:UserWarning"]
    os.environ["PYTHONWARNINGS"] = ",".join(filter(None, filters))
    context = get_context("forkserver")
    context.set_forkserver_preload(list(preload))
    return context


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
    """A worker process as the supervisor's side sees it."""

    slot: Slot
    process: ForkServerProcess
    pipe: Connection
    job: Job | None = None
    model: str = ""
    """The base model it has loaded."""


class Local:
    """The executor of one machine."""

    def __init__(self, context: ForkServerContext, work: Work, slots: Sequence[Slot]) -> None:
        self.context = context
        self.work = work
        self.free = list(slots)
        self.workers: list[Worker] = []

    @property
    def room(self) -> int:
        return len(self.free) + sum(worker.job is None for worker in self.workers)

    def start(self, job: Job) -> None:
        """Hand the job to a worker that waits, best to one that has its base model loaded."""
        model = next(iter(job.trunk.runs.values())).model.model_dump_json()
        worker = self._chosen(model)
        while not _sent(worker.pipe, job):  # it died while it waited
            self._retire(worker)
            worker = self._chosen(model)
        worker.job, worker.model = job, model

    def ended(self, patience: float) -> list[Ended]:
        """The jobs that have come to an end, waiting for the first at most `patience` seconds."""
        busy = [worker for worker in self.workers if worker.job is not None]
        wait([pipe for w in busy for pipe in (w.pipe, w.process.sentinel)], patience)
        found = (self._end(worker) for worker in list(self.workers))
        return [end for end in found if end is not None]

    def stop(self, job: Job) -> None:
        """Ask the job's worker to keep its state at the next step boundary, and end."""
        for worker in self._of(job):
            assert worker.process.pid is not None
            os.kill(worker.process.pid, signal.SIGTERM)

    def kill(self, job: Job) -> None:
        for worker in self._of(job):
            kill(worker.process)

    def close(self) -> None:
        """No worker is left, nor a child of one."""
        for worker in self.workers:
            worker.pipe.close()
            kill(worker.process)
        self.workers.clear()

    def _chosen(self, model: str) -> Worker:
        idle = [worker for worker in self.workers if worker.job is None]
        warm = next((worker for worker in idle if worker.model == model), None)
        return warm or (self._new_worker() if self.free else idle[0])

    def _retire(self, worker: Worker) -> None:
        kill(worker.process)
        worker.pipe.close()
        self.workers.remove(worker)
        self.free.append(worker.slot)

    def _of(self, job: Job) -> list[Worker]:
        return [w for w in self.workers if w.job == job and w.process.is_alive()]

    def _new_worker(self) -> Worker:
        slot = self.free.pop(0)
        ours, theirs = self.context.Pipe()
        process = self.context.Process(target=enter, args=(self.work, slot, theirs))
        process.start()
        theirs.close()  # so that the pipe ends when the worker does
        self.workers.append(Worker(slot, process, ours))
        return self.workers[-1]

    def _end(self, worker: Worker) -> Ended | None:
        """What became of the worker's job, once it is over; one that is gone leaves its slot."""
        dead = not worker.process.is_alive()  # asked first: nothing is said after death
        said = _said(worker.pipe)
        if not dead and said is None:
            return None
        job, worker.job = worker.job, None
        if dead or said == "failed":
            self._retire(worker)
        if job is None:
            return None
        return Ended(job, said or _how(worker.process.exitcode))


def _sent(pipe: Connection, message: Job | str | None) -> bool:
    """Whether the other side still lives."""
    try:
        pipe.send(message)
    except (BrokenPipeError, ConnectionResetError):
        return False
    return True


def _said(pipe: Connection) -> str | None:
    """The end that the worker told last; sending it is the last thing it does for a job."""
    said = None
    try:
        while pipe.poll():
            said = pipe.recv() or said
    except (EOFError, ConnectionResetError):
        return said
    return said


def _how(status: int | None) -> str:
    assert status is not None
    if status >= 0:
        return "stopped" if status == STATUS else f"exit status {status}"
    name = signal.Signals(-status).name
    reason = ", as the system does when memory runs out" if name == "SIGKILL" else ""
    return f"killed by {name}{reason}"


def enter(work: Work, slot: Slot, pipe: Connection) -> None:
    """Where a worker starts: in a session of its own, so that it can be killed with its children.

    One that has failed ends: what is left in a process after an error is no place to start from.
    """
    os.setsid()
    os.environ |= environment(slot)
    _set_threads(slot.threads)
    while job := _next(pipe):
        stop = Stop(job.stop)
        stop.listen()
        job = job._replace(threads=slot.threads)
        end = carried_out(work, job, stop, alive=Heartbeat(pipe, stop))
        heard = _sent(pipe, end)
        if end == "failed" or not heard:
            sys.exit(1)


def _next(pipe: Connection) -> Job | None:
    """The next job; None when the supervisor has closed the pipe, or died."""
    try:
        job: Job = pipe.recv()
    except EOFError:
        return None
    return job


def _set_threads(threads: int) -> None:
    """OMP_NUM_THREADS was read when the fork server imported torch, long ago."""
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(threads)


class Heartbeat:
    """Sends a sign of life; once nobody listens, the work is stopped: nobody would know of it."""

    def __init__(self, pipe: Connection, stop: Stop) -> None:
        self.pipe = pipe
        self.stop = stop

    def __call__(self) -> None:
        if not _sent(self.pipe, None):
            self.stop.ask()
