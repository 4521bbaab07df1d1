"""Loss beside the quality of answers: one may get better while the other gets worse."""

import math
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

from epochwise.quality import ALL, METRIC, QUALITY, RUN, TRAINED, Measures, Quality
from epochwise.record import Record, run_folder
from epochwise.report.arm import Arm
from epochwise.report.numbers.sheet import Sheet


class Scored(NamedTuple):
    run: str
    arm: str
    size: int
    epochs: int
    loss: float
    score: float
    """Mean F1 of the kinds of questions that were not trained on, in [0, 1]."""


def scored(folder: Path, arms: Sequence[Arm]) -> list[Scored]:
    """The evaluated runs."""
    return [
        found
        for arm in arms
        for cell in arm.cells
        for record in cell.records
        if (found := _scored(folder, arm.label, record)) is not None
    ]


def _scored(folder: Path, arm: str, record: Record) -> Scored | None:
    home = run_folder(folder, record.id)
    if not (home / QUALITY).is_file():
        return None
    score = _mean(Quality.load(home).arms[RUN])
    if not math.isfinite(score):
        return None
    size, epochs = record.settings["data"]["size"], record.settings["train"]["epochs"]
    return Scored(record.id, arm, size, epochs, record.curve[-1].val, score)


def _mean(kinds: dict[str, Measures]) -> float:
    asked = [found for kind, found in kinds.items() if kind not in (ALL, TRAINED)]
    scores = [found[METRIC].value for found in asked if METRIC in found]
    return fmean(scores) if scores else math.nan


def sheet(scored: Sequence[Scored]) -> Sheet:
    return Sheet(("run", "arm", "size", "epochs", "val_loss", "f1"), tuple(scored))
