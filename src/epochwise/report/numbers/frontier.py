"""What a lower loss costs."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from epochwise.record import Record
from epochwise.report.arm import Arm
from epochwise.report.numbers.sheet import Sheet


class Priced(NamedTuple):
    """One run with its price, as if it had run alone."""

    run: str
    arm: str
    size: int
    epochs: int
    price: float
    """Of `Frontier.unit`."""
    loss: float


class Frontier(NamedTuple):
    unit: str
    """`tokens`; `seconds` where models differ, whose tokens have different prices."""
    runs: tuple[Priced, ...]
    best: tuple[Priced, ...]
    """Runs that no run of lower price equals in loss, the cheapest first."""


def frontier(arms: Sequence[Arm]) -> Frontier:
    records = [(arm, record) for arm in arms for cell in arm.cells for record in cell.records]
    unit = "tokens" if len({_model(record) for _, record in records}) == 1 else "seconds"
    runs = tuple(_priced(arm.label, record, unit) for arm, record in records)
    return Frontier(unit, runs, _undominated(runs))


def _priced(arm: str, record: Record, unit: str) -> Priced:
    price = record.summary.tokens if unit == "tokens" else record.summary.seconds
    size, epochs = record.settings["data"]["size"], record.settings["train"]["epochs"]
    return Priced(record.id, arm, size, epochs, price, record.curve[-1].val)


def _undominated(runs: Sequence[Priced]) -> tuple[Priced, ...]:
    best: list[Priced] = []
    for run in sorted(runs, key=lambda run: (run.price, run.loss)):
        if math.isfinite(run.loss) and (not best or run.loss < best[-1].loss):
            best.append(run)
    return tuple(best)


def _model(record: Record) -> str:
    return str(record.settings["model"]["name"])


def sheet(frontier: Frontier) -> Sheet:
    return Sheet(
        ("run", "arm", "size", "epochs", frontier.unit, "val_loss", "frontier"),
        tuple((*run, run in frontier.best) for run in frontier.runs),
    )
