"""What the runs of a trunk share, and what each of them leaves at its exit."""

import resource
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import nn

from epochwise.config import Experiment
from epochwise.data.prepare import Prepared
from epochwise.diagnose.verdict import judge
from epochwise.model.adapter import save_adapter, trainable
from epochwise.model.module import FineTuner, Taken
from epochwise.record import Point, Record, Summary, Tick, run_folder
from epochwise.train.folder import RunFolder
from epochwise.train.recorder import Recorder


class Trunk:
    """Writes every step and point to the journals of all runs still on board."""

    def __init__(
        self,
        runs: dict[str, Experiment],
        folder: Path,
        data: Prepared,
        *,
        steps: int,
        on_step: Callable[[Tick], None],
    ) -> None:
        self.on_board = {
            run_id: RunFolder(run_folder(folder, run_id), run) for run_id, run in runs.items()
        }
        self.dropped = data.dropped
        self.steps = steps
        self.epochs_per_step = max(run.train.epochs for run in runs.values()) / steps
        self.on_step = on_step
        self.recorder = Recorder(data, on_taken=self.taken, on_point=self.measured)
        self.step = 0
        self.tokens = 0
        self.started = time.monotonic()

    def open(self, origin: dict[str, Any]) -> None:
        for run in self.on_board.values():
            run.open(origin)

    def taken(self, taken: Taken) -> None:
        self.step = taken.step
        self.tokens += taken.tokens
        place = {"epoch": taken.step * self.epochs_per_step, "tokens": self.tokens}
        self._note("step", taken._asdict() | place)
        self.on_step(Tick(taken.step, self.steps, taken.loss))

    def measured(self, module: FineTuner, point: Point) -> None:
        self._note("point", {"step": self.step, "tokens": self.tokens} | point._asdict())
        leaving = [
            run_id
            for run_id, run in self.on_board.items()
            if run.experiment.train.epochs == point.epoch
        ]
        for run_id in leaving:
            self._leave(run_id, self.on_board.pop(run_id), module.model)

    def _note(self, kind: str, row: dict[str, Any]) -> None:
        for run in self.on_board.values():
            run.note({"kind": kind} | row)

    def _leave(self, run_id: str, run: RunFolder, model: nn.Module) -> None:
        rows = self.recorder.rows()
        curve = tuple(self.recorder.curve)
        settings = run.experiment.model_dump(mode="json")
        digest = save_adapter(model, run.adapter)
        record = Record(
            id=run_id,
            label=run.experiment.label,
            settings=settings,
            rank=run.experiment.peft.rank,
            curve=curve,
            summary=self._summary(model, digest),
            verdict=asdict(judge(curve, rows)),
        )
        run.close(record, rows)

    def _summary(self, model: nn.Module, digest: str) -> Summary:
        return Summary(
            steps=self.step,
            tokens=self.tokens,
            seconds=time.monotonic() - self.started,
            peak_memory=peak_memory(),
            trainable_parameters=sum(p.numel() for _, p in trainable(model)),
            adapter_digest=digest,
            dropped_rows=self.dropped,
        )


def peak_memory() -> float:
    """GiB: of the accelerator where there is one, else of this process."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / 2**30
    unit = 1 if sys.platform == "darwin" else 2**10  # macOS counts bytes, Linux KiB
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**30
