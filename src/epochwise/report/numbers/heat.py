"""The surface of validation loss over epochs and rows."""

from collections.abc import Collection, Sequence
from typing import NamedTuple

from epochwise.diagnose.cells import Cell
from epochwise.report.arm import Arm
from epochwise.report.numbers.sheet import Sheet


class Place(NamedTuple):
    size: int
    epochs: int


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
    runs: tuple[tuple[str | None, ...], ...] = ()
    """The id of each cell's first run, like `loss`."""


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
    found = {place(cell): cell for cell in arm.cells}
    grid = [[found.get(Place(size, count)) for count in epochs] for size in sizes]
    return Heat(
        arm.label,
        sizes,
        epochs,
        tuple(tuple(None if cell is None else cell.loss for cell in line) for line in grid),
        arm.cells[0].records[0].curve[0].val,
        next((place(cell) for cell in arm.cells if run in _ids(cell)), None),
        tuple(place(cell) for cell in arm.cells if cell.records[0].id in equals),
        tuple(tuple(None if cell is None else _ids(cell)[0] for cell in line) for line in grid),
    )


def place(cell: Cell) -> Place:
    return Place(cell.size, cell.epochs)


def _ids(cell: Cell) -> list[str]:
    return [record.id for record in cell.records]


def sheet(heat: Heat) -> Sheet:
    lines = zip(heat.sizes, heat.loss, heat.runs, strict=True)
    return Sheet(
        ("run", "size", "epochs", "val_loss", "recommended", "equal"),
        tuple(
            (
                run,
                size,
                epochs,
                loss,
                heat.recommended == (size, epochs),
                (size, epochs) in heat.equals,
            )
            for size, losses, runs in lines
            for epochs, loss, run in zip(heat.epochs, losses, runs, strict=True)
            if run is not None
        ),
    )
