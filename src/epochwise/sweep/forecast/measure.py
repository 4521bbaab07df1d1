"""Row lengths and timings, measured in the very workers that a sweep uses, on all slots at once."""

import math
import tempfile
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from itertools import cycle, islice
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from rich.console import Console
from rich.progress import Progress

from epochwise.config import ONE_DEVICE, Experiment
from epochwise.data.rows import digest
from epochwise.record import Tick, read_json, write_json
from epochwise.sweep.forecast.presence import stamp
from epochwise.sweep.forecast.timing import Timing, conditions, entry, keep, kept, mean
from epochwise.sweep.forecast.workload import Lengths
from epochwise.sweep.local import Local
from epochwise.sweep.plan import Trunk
from epochwise.sweep.slots import Slot
from epochwise.sweep.worker import Job, Work
from epochwise.train.stop import Stop

RESULT = "measured.json"
NOT_TIMED = "not timed yet: `epochwise plan` on a machine that trains by itself does, and keeps it"
POLL = 0.5  # seconds between two looks at workers that say nothing

Runs = dict[str, Experiment]


class Request(NamedTuple):
    """One thing to be measured."""

    name: str
    run: Experiment
    file: Path
    """Where it is kept from then on."""


class Found(NamedTuple):
    values: dict[str, Any]
    """Under the requests' names."""
    problems: dict[str, str]
    """Why there is no value."""


class Result(NamedTuple):
    """What the jobs of one request have left."""

    values: list[Any]
    problem: str


class Workers:
    """Workers like a sweep's, for measuring: as many at a time, with as many threads each."""

    def __init__(self, context: ForkServerContext | None, slots: Sequence[Slot]) -> None:
        """`context`: None to measure nothing: what earlier plans have kept is known."""
        self.context = context
        self.slots = slots
        self.waited = 0.0
        """Seconds until the first worker was forked: the libraries had to be loaded."""

    def row_lengths(self, runs: Mapping[str, Experiment]) -> Found:
        """The Lengths of each run's rows."""
        requests = [Request(name, run, lengths_file(run)) for name, run in runs.items()]
        found = self.found("reading rows", count_tokens, requests, least=1)
        values = {name: Lengths(*map(np.array, each)) for name, (each, *_) in found.values.items()}
        return found._replace(values=values)

    def timings(self, runs: Mapping[str, tuple[Experiment, int]]) -> Found:
        """The Timing of each run, given with the tokens of its largest step.

        All slots work at the same time, so that what they take from each other is in the figures.
        """
        requests = [
            Request(name, run, timing_file(run, largest, self.slots))
            for name, (run, largest) in runs.items()
        ]
        found = self.found("timing steps", time_parts, requests, least=len(self.slots))
        values = {
            name: mean([Timing(*each) for each in values]) for name, values in found.values.items()
        }
        return found._replace(values=values)

    def found(self, what: str, work: Work, requests: Sequence[Request], *, least: int) -> Found:
        """Values of each request; what is not kept from an earlier plan is measured now.

        Args:
            least: Jobs in one go: requests are repeated until there are as many, or a multiple.
        """
        values = {request.name: kept(request.file) for request in requests}
        missing = [request for request in requests if values[request.name] is None]
        count = least * math.ceil(len(missing) / least)
        results = self._carried_out(what, work, list(islice(cycle(missing), count)))
        for request in missing:
            values[request.name] = results[request.name].values
            if values[request.name]:
                keep(request.file, values[request.name])
        known = {name: value for name, value in values.items() if value}
        return Found(known, {name: results[name].problem for name in values if name not in known})

    def _carried_out(self, what: str, work: Work, requests: Sequence[Request]) -> dict[str, Result]:
        if self.context is None:
            return {request.name: Result([], NOT_TIMED) for request in requests}
        if not requests:
            return {}
        console = Console(stderr=True)
        with (
            tempfile.TemporaryDirectory(prefix="epochwise-") as folder,
            Progress(console=console, transient=True, disable=not console.is_terminal) as progress,
        ):
            home = Path(folder)
            (home / "log").mkdir()
            jobs = [
                Job(Trunk(str(number), {request.name: request.run}, 0, 0), home, 1, ONE_DEVICE)
                for number, request in enumerate(requests)
            ]
            bar = progress.add_task(what, total=len(jobs))
            self._work(work, jobs, lambda: progress.advance(bar))
            return _results(jobs)

    def _work(self, work: Work, jobs: Sequence[Job], on_end: Callable[[], None]) -> None:
        assert self.context is not None
        executor = Local(self.context, work, self.slots)
        waiting, running = deque(jobs), 0
        try:
            while waiting or running:
                while waiting and executor.room:
                    self._start(waiting.popleft(), executor)
                    running += 1
                for _ in executor.ended(POLL):
                    running -= 1
                    on_end()
        finally:
            executor.close()

    def _start(self, job: Job, executor: Local) -> None:
        job.home.mkdir(parents=True)
        begin = time.perf_counter()
        executor.start(job)
        if not self.waited:  # the first of this process
            self.waited = time.perf_counter() - begin
            if self.waited > preload():
                keep(_preload_file(), self.waited)


def preload() -> float:
    """Seconds until the process that workers are forked from has its libraries."""
    return kept(_preload_file()) or 0.0


def count_tokens(job: Job, runs: Runs, on_step: Callable[[Tick], None], stop: Stop) -> None:
    """The work of a worker that reads rows."""
    from epochwise.sweep.forecast.stopwatch import row_lengths

    for run in runs.values():
        write_json(job.home / RESULT, row_lengths(run))


def time_parts(job: Job, runs: Runs, on_step: Callable[[Tick], None], stop: Stop) -> None:
    """The work of a worker that times."""
    from epochwise.sweep.forecast.stopwatch import timing

    for run in runs.values():
        write_json(job.home / RESULT, list(timing(run, job.home / "scratch")))


def _results(jobs: Sequence[Job]) -> dict[str, Result]:
    """Under the name of each job's run."""
    results: dict[str, Result] = {}
    for job in jobs:
        (name,) = job.trunk.runs
        so_far = results.get(name, Result([], ""))
        if (job.home / RESULT).is_file():
            found = read_json(job.home / RESULT)
            results[name] = so_far._replace(values=[*so_far.values, found])
        else:
            results[name] = so_far._replace(problem=_problem(job))
    return results


def _problem(job: Job) -> str:
    if job.problem.is_file():
        return str(read_json(job.problem))
    lines = job.log.read_text(encoding="utf-8", errors="replace").splitlines()
    return f"measuring failed: {lines[-1] if lines else 'its worker said nothing'}"


def lengths_file(run: Experiment) -> Path:
    data = run.data.model_dump(mode="json", exclude={"name", "path"})
    model = run.model.model_dump(mode="json", include={"path", "template", "thinking"})
    general = run.evaluate.general
    return entry("rows", digest(run.data), data, model, stamp(run.model), general)


def timing_file(run: Experiment, largest: int, slots: Sequence[Slot]) -> Path:
    """Where what was measured of this shape is kept, with steps and measurements that large."""
    method = run.peft.model_dump(mode="json", exclude={"name"})
    model = run.model.model_dump(mode="json", include={"path", "weights", "template", "thinking"})
    sizes = [run.train.batch_size, run.train.micro_batch_size, run.evaluate.batch_size, largest]
    rows = [run.data.val_size, run.data.max_tokens, digest(run.data)]
    return entry("timing", method, model, stamp(run.model), sizes, rows, conditions(slots))


def _preload_file() -> Path:
    return entry("preload")
