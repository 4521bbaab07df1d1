"""How the best number of epochs moves with the rows."""

from collections.abc import Sequence
from typing import NamedTuple

from epochwise.record import JSON
from epochwise.report.numbers.scaling import Scaling
from epochwise.report.numbers.sheet import Sheet


class Optima(NamedTuple):
    """Where the fitted law puts the lowest loss, with its interval, for each size."""

    rank: int | None
    sizes: tuple[int, ...]
    epochs: tuple[int, ...]
    low: tuple[int, ...]
    high: tuple[int, ...]


def optima(finding: JSON) -> Optima | None:
    """None where too little was run to fit a law."""
    found = finding.get("law")
    if found is None:
        return None
    every = found["optima"]
    return Optima(
        every[0]["rank"],
        tuple(each["size"] for each in every),
        tuple(each["epochs"] for each in every),
        tuple(each["interval"][0] for each in every),
        tuple(each["interval"][1] for each in every),
    )


def sheet(lines: Sequence[Scaling], optima: Optima | None) -> Sheet:
    rows: list[tuple[object, ...]] = [
        (line.arm, size, epochs, None, None)
        for line in lines
        for size, epochs in zip(line.sizes, line.epochs, strict=True)
    ]
    if optima is not None:
        columns = (optima.sizes, optima.epochs, optima.low, optima.high)
        rows += [("law", *values) for values in zip(*columns, strict=True)]
    return Sheet(("arm", "size", "epochs", "low", "high"), tuple(rows))
