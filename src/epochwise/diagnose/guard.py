"""The learning-rate guard: too high a rate looks exactly like overfitting."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from epochwise.diagnose.cells import RATE, Cell
from epochwise.diagnose.regret import Regret

HALF, DOUBLE = 0.5, 2.0


@dataclass(frozen=True)
class Guard:
    learning_rate: float
    half: float | None
    """Loss at half the learning rate; None where it was not run."""
    double: float | None
    holds: bool | None
    """Whether neither is lower by more than eps; None unless both were run."""
    sentence: str


def guard(grid: Sequence[Cell], measured: Regret, chosen: int) -> Guard | None:
    """What half and twice the recommended learning rate showed, all else equal.

    None where the runs do not say their learning rate.
    """
    rate = grid[chosen].rate
    if rate is None:
        return None
    half, double = (_loss(grid, measured, chosen, rate * by) for by in (HALF, DOUBLE))
    limit = float(measured.loss[chosen]) - measured.eps
    lower = [
        by for by, loss in ((HALF, half), (DOUBLE, double)) if loss is not None and loss < limit
    ]
    run = half is not None and double is not None
    holds = False if lower else True if run else None
    return Guard(rate, half, double, holds, _sentence(rate, lower, holds))


def _loss(grid: Sequence[Cell], measured: Regret, chosen: int, rate: int | float) -> float | None:
    own = grid[chosen].without(RATE)
    for cell, loss in zip(grid, measured.loss, strict=True):
        if cell.rate is not None and cell.without(RATE) == own and math.isclose(cell.rate, rate):
            return float(loss)
    return None


def _sentence(rate: float, lower: Sequence[float], holds: bool | None) -> str:
    if lower:
        better = " and ".join(f"{rate * by:g}" for by in lower)
        return (
            f"The learning rate {rate:g} does not hold: {better} is better in the same cell, so "
            "choose it anew before epochs are."
        )
    if holds:
        return f"The learning rate {rate:g} holds: neither half nor twice of it is better."
    return (
        f"The learning rate was not checked: run this cell also at {HALF * rate:g} and "
        f"{DOUBLE * rate:g}, for one that is too high looks like overfitting."
    )
