"""How far runs that differ in their seed alone lie apart."""

from collections.abc import Sequence
from typing import NamedTuple

from epochwise.report.arm import Arm
from epochwise.report.numbers.sheet import Sheet

MOST = 40  # cells: more would not be readable; those of the lowest loss are shown


class Spread(NamedTuple):
    arm: str
    size: int
    epochs: int
    seeds: tuple[int, ...]
    losses: tuple[float, ...]
    """Last validation losses, one for each seed."""

    @property
    def mean(self) -> float:
        return sum(self.losses) / len(self.losses)


def spreads(arms: Sequence[Arm]) -> list[Spread]:
    """The cells with two seeds or more, lowest mean first."""
    found = [
        Spread(
            arm.label,
            cell.size,
            cell.epochs,
            tuple(record.settings["train"]["seed"] for record in cell.records),
            tuple(record.curve[-1].val for record in cell.records),
        )
        for arm in arms
        for cell in arm.cells
        if len(cell.records) > 1
    ]
    return sorted(found, key=lambda spread: spread.mean)[:MOST]


def sheet(spreads: Sequence[Spread]) -> Sheet:
    return Sheet(
        ("arm", "size", "epochs", "seed", "val_loss"),
        tuple(
            (each.arm, each.size, each.epochs, seed, loss)
            for each in spreads
            for seed, loss in zip(each.seeds, each.losses, strict=True)
        ),
    )
