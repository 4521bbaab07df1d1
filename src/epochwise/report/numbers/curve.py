"""Loss curves: one for each trunk, size and arm."""

import math
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import NamedTuple

from epochwise.diagnose.cells import Cell
from epochwise.record import Record, Study
from epochwise.report.arm import Arm
from epochwise.report.numbers.sheet import Sheet


class Curve(NamedTuple):
    """Losses after each epoch; the mean over the seeds' runs."""

    arm: str
    size: int
    runs: tuple[str, ...]
    epochs: tuple[int, ...]
    val: tuple[float, ...]
    probe: tuple[float, ...]
    best_epoch: int
    onset: float | None
    """Epoch from which validation loss rises; of lone runs only, seeds differ in it."""

    @property
    def gap(self) -> tuple[float, ...]:
        """Validation minus training probe: what is learnt by heart rather than in general."""
        return tuple(val - probe for val, probe in zip(self.val, self.probe, strict=True))


def curves(arms: Sequence[Arm], study: Study) -> list[Curve]:
    """One curve a trunk, size and arm: shorter runs of it lie on its longest run's curve."""
    trunks = {run.id: run.trunk for run in study.runs}
    longest = _longest([cell for arm in arms for cell in arm.cells], trunks)
    drawn = [
        (arm.label, cell.size, [run for run in cell.records if run.id in longest])
        for arm in arms
        for cell in arm.cells
    ]
    return [curve(arm, size, runs) for arm, size, runs in drawn if runs]


def _longest(cells: Sequence[Cell], trunks: Mapping[str, str]) -> set[str]:
    """Of each trunk and size: a trunk has several sizes, which share its first steps only."""
    ordered = sorted(cells, key=lambda cell: cell.epochs)
    last = {(trunks[run.id], cell.size): run.id for cell in ordered for run in cell.records}
    return set(last.values())


def curve(arm: str, size: int, runs: Sequence[Record]) -> Curve:
    """The mean of runs that differ in their seed alone."""
    points = list(zip(*(run.curve for run in runs), strict=False))  # a diverged run ends early
    epochs = tuple(seeds[0].epoch for seeds in points)
    val = tuple(fmean(point.val for point in seeds) for seeds in points)
    judged = runs[0].verdict if len(runs) == 1 else None
    return Curve(
        arm,
        size,
        tuple(run.id for run in runs),
        epochs,
        val,
        tuple(fmean(point.probe for point in seeds) for seeds in points),
        judged["best_epoch"] if judged else lowest(epochs[1:], val[1:]),
        judged["onset_epoch"] if judged else None,
    )


def lowest(epochs: Sequence[int], losses: Sequence[float]) -> int:
    """The epoch of the lowest loss, the earlier of two equal ones. NaN is never the lowest."""
    pairs = zip(losses, epochs, strict=True)
    return min(pairs, key=lambda pair: (math.isnan(pair[0]), *pair))[1]


def sheet(curves: Sequence[Curve]) -> Sheet:
    columns = ("run", "arm", "size", "epoch", "val_loss", "probe_loss", "gap", "best")
    return Sheet(
        columns,
        tuple(
            (" ".join(each.runs), each.arm, each.size, *point, point[0] == each.best_epoch)
            for each in curves
            for point in zip(each.epochs, each.val, each.probe, each.gap, strict=True)
        ),
    )
