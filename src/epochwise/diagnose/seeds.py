"""Which cells deserve another seed."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from epochwise.diagnose.cells import Cell
from epochwise.diagnose.regret import Regret
from epochwise.record import JSON

FEWEST, MOST = 2, 4  # cells that get seeds at a time
ERROR, POWER = 0.05, 0.80  # of the two-sided test that would part two cells


@dataclass(frozen=True)
class SeedNeed:
    cell: JSON
    run: str
    """The cell's first run."""
    p_best: float
    words: str


@dataclass(frozen=True)
class NextSeeds:
    cells: tuple[SeedNeed, ...]
    """Where it is least certain whether the cell is the best one."""
    difference: float
    """Between the two lowest losses among these, at least eps."""
    seeds: int
    """Of each cell, to find a difference of that size 4 times in 5."""

    @property
    def sentence(self) -> str:
        names = "; ".join(need.words for need in self.cells)
        return (
            f"Another seed is best spent on: {names}. {self.seeds} seeds of each would find a "
            f"difference of {self.difference:.4f} 4 times in 5."
        )


def next_seeds(grid: Sequence[Cell], measured: Regret) -> NextSeeds | None:
    """The 2 to 4 cells of the largest P_best (1 - P_best); None with one cell."""
    if len(grid) < FEWEST:
        return None
    doubt = measured.p_best * (1 - measured.p_best)
    order = np.argsort(-doubt, kind="stable")
    open_ones = int((doubt > 0).sum())
    taken = [int(i) for i in order[: min(MOST, max(FEWEST, open_ones))]]
    lowest = np.sort(measured.loss[taken])
    difference = max(float(lowest[1] - lowest[0]), measured.eps)
    return NextSeeds(
        tuple(
            SeedNeed(
                grid[i].settings,
                grid[i].records[0].id,
                float(measured.p_best[i]),
                grid[i].words,
            )
            for i in taken
        ),
        difference,
        seeds_needed(measured.seed_spread, difference),
    )


def seeds_needed(spread: float, difference: float) -> int:
    """Seeds of each arm: 2 (z_.975 + z_.80)^2 sd^2 / D^2, at least 2.

    >>> seeds_needed(0.19, 0.4), seeds_needed(0.19, 0.2)
    (4, 15)
    """
    normal = NormalDist()
    reach = normal.inv_cdf(1 - ERROR / 2) + normal.inv_cdf(POWER)
    return max(2, math.ceil(2 * (reach * spread / difference) ** 2))
