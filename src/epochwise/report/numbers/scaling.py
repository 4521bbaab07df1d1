"""How loss falls with rows, and what twice the rows would bring."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from epochwise.diagnose.cells import EPOCHS, RANK, SIZE
from epochwise.diagnose.laws.rows import last_sizes
from epochwise.record import JSON
from epochwise.report.arm import Arm
from epochwise.report.numbers.curve import lowest
from epochwise.report.numbers.heat import Place, place
from epochwise.report.numbers.sheet import Sheet

STEPS = 25  # points of a drawn line


class Scaling(NamedTuple):
    """How validation loss falls with rows where epochs are chosen well."""

    arm: str
    sizes: tuple[int, ...]
    loss: tuple[float, ...]
    epochs: tuple[int, ...]
    """Of the run with that loss, the lowest at its size."""


class Law(NamedTuple):
    """The fitted line through the largest sizes, up to twice the data."""

    sizes: tuple[float, ...]
    loss: tuple[float, ...]
    twice: int
    expected: float
    low: float
    """The loss at twice the data lies between low and high 9 times in 10."""
    high: float


def scaling(arm: Arm) -> Scaling:
    losses = {place(cell): cell.loss for cell in arm.cells}
    sizes = tuple(sorted({each.size for each in losses}))
    lengths = [sorted(each.epochs for each in losses if each.size == size) for size in sizes]
    best = [
        Place(size, lowest(epochs, [losses[Place(size, count)] for count in epochs]))
        for size, epochs in zip(sizes, lengths, strict=True)
    ]
    loss = tuple(losses[each] for each in best)
    return Scaling(arm.label, sizes, loss, tuple(each.epochs for each in best))


def law(finding: JSON) -> Law | None:
    """The line that the finding's `more_data` was told by; None where it told none."""
    more = finding.get("more_data")
    if more is None:
        return None
    best = _best_of(finding, more["sizes"])
    tried = np.array(more["sizes"], dtype=float)
    line = last_sizes(tried, np.array([best[size] for size in more["sizes"]]))
    drawn = np.geomspace(tried[0], more["size"], STEPS)
    low, high = more["interval"]
    largest = best[more["sizes"][-1]]
    return Law(
        tuple(float(size) for size in drawn),
        tuple(line.loss(float(size)) for size in drawn),
        more["size"],
        more["loss"],
        largest - high,
        largest - low,
    )


def _best_of(finding: JSON, sizes: Sequence[int]) -> dict[int, float]:
    """Size -> the lowest loss there, with the recommended cell's model and method."""

    def arm(cell: JSON) -> JSON:
        return {key: value for key, value in cell.items() if key not in (SIZE, EPOCHS, RANK)}

    own = [each for each in finding["standings"] if arm(each["cell"]) == arm(finding["cell"])]
    return {size: min(each["loss"] for each in own if each["cell"][SIZE] == size) for size in sizes}


def sheet(lines: Sequence[Scaling], law: Law | None) -> Sheet:
    rows = [
        (line.arm, size, epochs, loss, None, None)
        for line in lines
        for size, epochs, loss in zip(line.sizes, line.epochs, line.loss, strict=True)
    ]
    if law is not None:
        rows.append(("law", law.twice, None, law.expected, law.low, law.high))  # type: ignore[arg-type]
    return Sheet(("arm", "size", "epochs", "val_loss", "low", "high"), tuple(rows))
