"""The folders of the runs on a trunk: their journals grow alike, each is closed at its exit."""

import time
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from epochwise.config import Experiment
from epochwise.data.limit import Counts
from epochwise.data.prepare import Prepared
from epochwise.diagnose.verdict import judge
from epochwise.model.adapter import save_adapter, trainable
from epochwise.record import Record, Summary, run_folder
from epochwise.train.folder import RunFolder
from epochwise.train.measure import Curve
from epochwise.train.memory import peak_memory
from epochwise.train.state import State

LIVELY = 1.0  # seconds between two writes: what follows a journal looks no more often


class Board:
    """Runs come on board when the trunk starts, and go when they have taken their last step."""

    def __init__(
        self,
        runs: dict[str, Experiment],
        folder: Path,
        may_publish: Callable[[], None],
        *,
        examine: Callable[[Path, Experiment], None] = lambda folder, run: None,
    ) -> None:
        """`may_publish` raises when another attempt has taken this one's place.

        `examine` is given the folder of each run that is done: what asks it is no part of it.
        """
        self.folders = {run: RunFolder(run_folder(folder, run), runs[run]) for run in runs}
        self.may_publish = may_publish
        self.examine = examine
        self._written = dict.fromkeys(runs, 0)
        self._last = time.monotonic()

    def open(self, origin: dict[str, Any]) -> None:
        """Anew for every run: what an earlier attempt kept comes back with its state."""
        for folder in self.folders.values():
            folder.open(origin)

    def write(self, runs: Iterable[str], curves: dict[int, Curve]) -> None:
        """Append to each run's journal what is new in that of its size."""
        for run in runs:
            folder = self.folders[run]
            journal = curves[folder.experiment.data.size].journal
            folder.write(bytes(journal[self._written[run] :]))
            self._written[run] = len(journal)
        self._last = time.monotonic()

    def write_if_due(self, runs: Iterable[str], curves: dict[int, Curve]) -> None:
        if time.monotonic() - self._last >= LIVELY:
            self.write(runs, curves)

    def leave(self, run: str, state: State, data: Prepared) -> None:
        """Close the run's folder with what was measured on the way and the adapter as it is."""
        self.write([run], state.curves)
        self.may_publish()
        folder = self.folders[run]
        experiment = folder.experiment
        curve = state.curves[experiment.data.size]
        rows = curve.rows(data)
        digest = save_adapter(state.tuner.model, folder.adapter)
        record = Record(
            id=run,
            label=experiment.label,
            settings=experiment.model_dump(mode="json"),
            rank=experiment.peft.rank,
            curve=tuple(curve.points),
            summary=_summary(state, digest, data.counts),
            verdict=asdict(judge(tuple(curve.points), rows, steps=curve.steps())),
            sources=curve.of_sources(data),
        )
        folder.close(record, rows)
        self.examine(folder.path, experiment)


def _summary(state: State, digest: str, counts: Counts) -> Summary:
    tuner = state.tuner
    return Summary(
        steps=state.step,
        tokens=state.tokens,
        seconds=state.seconds,
        peak_memory=peak_memory(),
        trainable_parameters=sum(p.numel() for _, p in trainable(tuner.model)),
        adapter_digest=digest,
        dropped_rows=counts.dropped,
        micro_batch_size=tuner.micro_batch_size,
        skipped_steps=tuner.skipped,
        truncated_rows=counts.truncated,
        split_rows=counts.split,
    )
