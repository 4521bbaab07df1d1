"""Sizes compared in two ways: at equal epochs, and at equal steps.

At equal epochs more rows also mean more steps; at equal steps they mean fewer epochs. A claim
that more data is better needs both.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from epochwise.diagnose.cells import Cell, count
from epochwise.diagnose.optimum import arm_of
from epochwise.diagnose.regret import Regret


@dataclass(frozen=True)
class SizeSlice:
    kind: str
    """equal_epochs or equal_steps."""
    at: int
    """The epochs, or the row passes (rows times epochs), that all have."""
    losses: dict[int, float]
    """Rows -> the lowest loss there."""

    @property
    def sentence(self) -> str:
        steps = ", ".join(f"{loss:.3f} at {size:,}" for size, loss in self.losses.items())
        if self.kind == "equal_epochs":
            return (
                f"At {count(self.at, 'epoch')} each, where more rows are more steps: {steps} rows."
            )
        return f"At equal steps, {self.at:,} rows passed each: {steps} rows."


def size_slices(grid: Sequence[Cell], measured: Regret, chosen: int) -> tuple[SizeSlice, ...]:
    """For the chosen cell's model and method; none where no two sizes can be compared so."""
    arm = arm_of(grid, chosen)
    sizes = np.array([grid[i].size for i in arm])
    epochs = np.array([grid[i].epochs for i in arm])
    losses = measured.loss[arm]
    found = []
    for kind, at in (("equal_epochs", epochs), ("equal_steps", sizes * epochs)):
        value = _widest(sizes, at)
        if value is not None:
            here = at == value
            lowest = {
                int(size): float(losses[here & (sizes == size)].min())
                for size in np.unique(sizes[here])
            }
            found.append(SizeSlice(kind, value, lowest))
    return tuple(found)


def _widest(sizes: Int[np.ndarray, " cells"], at: Int[np.ndarray, " cells"]) -> int | None:
    """The value that most sizes share, the largest of several."""
    shared = {int(value): len(np.unique(sizes[at == value])) for value in np.unique(at)}
    best = max(shared, key=lambda value: (shared[value], value))
    return best if shared[best] > 1 else None
