"""Runs every trunk of a plan to its end, whatever that is, and writes it down; survives anything.

It alone writes the ledger. Whether a run is done is read from its DONE file alone: exit statuses
lie (Lightning 2.6.6 leaves with 0 after SIGTERM).
"""

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Protocol, runtime_checkable

from epochwise.config import TrainerConfig
from epochwise.record import Record, Tick, is_done, read_json, run_folder, write_json
from epochwise.sweep.ledger import Ledger
from epochwise.sweep.plan import Trunk
from epochwise.sweep.worker import Job, progress

TAIL = 12  # lines of a log: a Python error with the calls that led to it
TAIL_BYTES = 16_384
FLOOD = 256 * 2**20  # bytes of one log: a study's disk is for its results
NONE = Trunk("", {}, 0, 0)
POLL = 0.5  # seconds between two looks at the workers' files while none says anything
GRACE = 60.0  # seconds for a worker that is asked to stop to reach a step's end and keep its state


class Outcome(NamedTuple):
    """How an attempt at a trunk ended. What it did finish is done, whatever the problem was."""

    trunk: Trunk
    undone: tuple[str, ...]
    """Ids of its runs without DONE."""
    problem: str
    """Empty when nothing is undone, or when it was stopped and has kept its state."""


class Ended(NamedTuple):
    """A job that is over: `finished`, `stopped` or `failed` as its worker said, or how it died."""

    job: Job
    how: str


@runtime_checkable
class Audience(Protocol):
    """Whoever is told while trunks run."""

    def started(self, trunk: Trunk) -> None: ...

    def ticked(self, trunk: Trunk, tick: Tick) -> None: ...

    def finished(self, record: Record) -> None: ...

    def ended(self, outcome: Outcome) -> None: ...


@runtime_checkable
class Executor(Protocol):
    """Where jobs are carried out: processes here, a Ray cluster, Slurm."""

    @property
    def room(self) -> int:
        """How many more jobs can start now."""
        ...

    def start(self, job: Job) -> None: ...

    def ended(self, patience: float) -> list[Ended]:
        """The jobs that are over, after waiting at most `patience` seconds for the first."""
        ...

    def stop(self, job: Job) -> None:
        """Ask for the state to be kept at the end of the step."""
        ...

    def kill(self, job: Job) -> None: ...

    def close(self) -> None: ...


@dataclass(frozen=True)
class Policy:
    """What becomes of jobs that fail or take too long."""

    timeout: float | None = None
    """Seconds for one attempt at a trunk."""
    retries: int = 0
    """Further attempts at a trunk that failed; each takes up what the one before has kept."""
    on_failure: str = "continue"
    """`stop`: after a failure nothing more is started, and what runs is stopped."""


@dataclass
class Running:
    """A job under way."""

    job: Job
    unfinished: list[str]
    retries: int
    """Further attempts, should this one fail."""
    since: float = field(default_factory=time.monotonic)
    told: Tick | None = None
    verdict: str = ""
    """Why the supervisor ends it before it ends by itself."""
    asked: float | None = None
    """When it was asked to stop."""


class Supervisor:
    """Claims trunks, hands them to an executor, watches, and settles what became of them."""

    def __init__(
        self,
        ledger: Ledger,
        executor: Executor,
        audience: Audience,
        policy: Policy = Policy(),
    ) -> None:
        self.ledger = ledger
        self.executor = executor
        self.audience = audience
        self.policy = policy
        self.waiting: deque[tuple[Trunk, int]] = deque()
        self.running: list[Running] = []
        self.outcomes: list[Outcome] = []
        self.halting = False

    def supervise(
        self, trunks: Sequence[Trunk], folder: Path, config: TrainerConfig, command: str = ""
    ) -> list[Outcome]:
        """Run every trunk; an interrupt stops all at their next step's end, their states kept."""
        (folder / "log").mkdir(exist_ok=True)
        self.waiting.extend((trunk, self.policy.retries) for trunk in trunks)
        try:
            while self.waiting or self.running:
                while self.waiting and self.executor.room:
                    self._start(*self.waiting.popleft(), Job(NONE, folder, 0, config, command))
                self._look_and_settle()
        except KeyboardInterrupt:
            self._halt()
            while self.running:
                self._look_and_settle()
            raise
        finally:
            self.executor.close()
        return self.outcomes

    def _start(self, trunk: Trunk, retries: int, blank: Job) -> None:
        claim = self.ledger.claim(trunk.id)
        if claim is None:  # all of it is done, or held by no living attempt of ours
            return
        job = blank._replace(trunk=trunk, attempt=claim.attempt)
        job.home.mkdir(parents=True, exist_ok=True)
        for old in (job.problem, job.stop):  # of another ledger, should this one have been lost
            old.unlink(missing_ok=True)
        write_json(job.token, job.attempt)
        self.executor.start(job)
        self.running.append(Running(job, list(claim.runs), retries))
        self.audience.started(trunk)

    def _look_and_settle(self) -> None:
        ended = self.executor.ended(POLL)
        for running in self.running:
            self._look(running)
            self._mind(running)
        for end in ended:
            self._settle(end)

    def _look(self, running: Running) -> None:
        """Pass on progress, and the runs that have left the trunk since the last look."""
        tick = progress(running.job.progress, running.job.attempt)
        if tick is not None and tick != running.told:
            running.told = tick
            self.audience.ticked(running.job.trunk, tick)
        folders = {run: run_folder(running.job.folder, run) for run in running.unfinished}
        done = [run for run in running.unfinished if is_done(folders[run])]
        if not done:
            return
        for run in self.ledger.finish((run, running.job.attempt) for run in done):
            running.unfinished.remove(run)
            self.audience.finished(Record.load(folders[run] / "record.json"))

    def _mind(self, running: Running) -> None:
        """End a job that takes too long or writes too much; kill one that does not obey."""
        now, limit = time.monotonic(), self.policy.timeout
        if limit is not None and now - running.since > limit and not running.verdict:
            running.verdict = f"took longer than hydra.launcher.timeout={limit:g} s"
            self._ask(running)
        if running.job.log.exists() and running.job.log.stat().st_size > FLOOD:
            running.verdict = f"wrote more than {FLOOD // 2**20} MiB to its log"
            self.executor.kill(running.job)
        if running.asked is not None and now - running.asked > GRACE:
            self.executor.kill(running.job)

    def _ask(self, running: Running) -> None:
        running.asked = time.monotonic()
        self.executor.stop(running.job)

    def _settle(self, end: Ended) -> None:
        running = next(r for r in self.running if r.job == end.job)
        self._look(running)  # it may have finished a run since the last one
        self.running.remove(running)
        job, undone = end.job, tuple(running.unfinished)
        stopped = end.how == "stopped" and not running.verdict
        problem = _problem(running, end.how) if undone and not stopped else ""
        if undone and stopped:
            self.ledger.release(job.trunk.id, job.attempt)
            if not self.halting:
                self.waiting.append((job.trunk, running.retries))
        if problem:
            self.ledger.fail(job.trunk.id, job.attempt, problem=problem)
        self.outcomes.append(Outcome(job.trunk, undone, problem))
        self.audience.ended(self.outcomes[-1])
        if problem:
            self._after_failure(running)

    def _after_failure(self, running: Running) -> None:
        if running.retries and not self.halting:
            self.ledger.retry(running.unfinished)
            self.waiting.append((running.job.trunk, running.retries - 1))
        elif self.policy.on_failure == "stop":
            self._halt()

    def _halt(self) -> None:
        """Nothing more starts; what runs ends at its next step's end, or is killed."""
        self.halting = True
        self.waiting.clear()
        for running in self.running:
            if running.asked is None:
                self._ask(running)


def _problem(running: Running, how: str) -> str:
    """What a person reads of a failure."""
    job = running.job
    if running.verdict:
        return running.verdict
    if job.problem.is_file():
        return str(read_json(job.problem))
    said = {"failed": "it failed", "finished": "it ended and left runs without a result"}
    lines = _tail(job.log)
    return "\n".join(
        [f"{said.get(how, how)}; its log {job.log} ends:", *(lines or ["    (empty)"])]
    )


def _tail(log: Path) -> list[str]:
    if not log.exists():
        return []
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - TAIL_BYTES))
        lines = file.read().decode("utf-8", errors="replace").splitlines()
    return [f"    {line}" for line in lines[-TAIL:]]
