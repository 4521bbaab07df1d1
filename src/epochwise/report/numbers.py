"""The numbers of each figure, apart from the drawing, so that they can be checked by hand."""

import math
from collections.abc import Collection, Mapping, Sequence
from statistics import fmean
from typing import NamedTuple

from epochwise.diagnose.cells import Cell
from epochwise.record import Record, Study
from epochwise.report.arm import Arm


class Place(NamedTuple):
    size: int
    epochs: int


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


class Heat(NamedTuple):
    """Validation loss of what each run left, a row a size, a column a number of epochs."""

    arm: str
    sizes: tuple[int, ...]
    epochs: tuple[int, ...]
    loss: tuple[tuple[float | None, ...], ...]
    """None where no run finished, NaN where a run's loss was not finite."""
    base: float
    """Of the untuned model."""
    recommended: Place | None
    equals: tuple[Place, ...]


class Scaling(NamedTuple):
    """How validation loss falls with rows where epochs are chosen well."""

    arm: str
    sizes: tuple[int, ...]
    loss: tuple[float, ...]
    epochs: tuple[int, ...]
    """Of the run with that loss, the lowest at its size."""


def curves(arms: Sequence[Arm], study: Study) -> list[Curve]:
    """One curve a trunk, size and arm: shorter runs of it lie on its longest run's curve."""
    trunks = {run.id: run.trunk for run in study.runs}
    longest = _longest([cell for arm in arms for cell in arm.cells], trunks)
    drawn = [
        (arm.label, cell.size, [run for run in cell.records if run.id in longest])
        for arm in arms
        for cell in arm.cells
    ]
    return [_curve(arm, size, runs) for arm, size, runs in drawn if runs]


def _longest(cells: Sequence[Cell], trunks: Mapping[str, str]) -> set[str]:
    """Of each trunk and size: a trunk has several sizes, which share its first steps only."""
    ordered = sorted(cells, key=lambda cell: cell.epochs)
    last = {(trunks[run.id], cell.size): run.id for cell in ordered for run in cell.records}
    return set(last.values())


def _curve(arm: str, size: int, runs: Sequence[Record]) -> Curve:
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
        judged["best_epoch"] if judged else _lowest(epochs[1:], val[1:]),
        judged["onset_epoch"] if judged else None,
    )


def _lowest(epochs: Sequence[int], losses: Sequence[float]) -> int:
    """The epoch of the lowest loss, the earlier of two equal ones. NaN is never the lowest."""
    pairs = zip(losses, epochs, strict=True)
    return min(pairs, key=lambda pair: (math.isnan(pair[0]), *pair))[1]


def heat(arm: Arm, arms: Sequence[Arm], run: str | None, equals: Collection[str]) -> Heat:
    """The surface of one arm, on the grid of the whole study, so that all surfaces compare.

    Args:
        arm: One of `arms`.
        arms: All arms of the study.
        run: Id of the recommended run.
        equals: Ids of the runs that are as good within the noise.
    """
    every = [cell for each in arms for cell in each.cells]
    sizes = tuple(sorted({cell.size for cell in every}))
    epochs = tuple(sorted({cell.epochs for cell in every}))
    losses = {_place(cell): cell.loss for cell in arm.cells}
    return Heat(
        arm.label,
        sizes,
        epochs,
        tuple(tuple(losses.get(Place(size, count)) for count in epochs) for size in sizes),
        arm.cells[0].records[0].curve[0].val,
        next((_place(cell) for cell in arm.cells if run in _ids(cell)), None),
        tuple(_place(cell) for cell in arm.cells if cell.records[0].id in equals),
    )


def scaling(arm: Arm) -> Scaling:
    losses = {_place(cell): cell.loss for cell in arm.cells}
    sizes = tuple(sorted({place.size for place in losses}))
    lengths = [sorted(place.epochs for place in losses if place.size == size) for size in sizes]
    best = [
        Place(size, _lowest(epochs, [losses[Place(size, count)] for count in epochs]))
        for size, epochs in zip(sizes, lengths, strict=True)
    ]
    loss = tuple(losses[place] for place in best)
    return Scaling(arm.label, sizes, loss, tuple(place.epochs for place in best))


def _place(cell: Cell) -> Place:
    return Place(cell.size, cell.epochs)


def _ids(cell: Cell) -> list[str]:
    return [record.id for record in cell.records]
