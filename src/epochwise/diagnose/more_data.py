"""What twice the data would bring."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from epochwise.diagnose.cells import Cell
from epochwise.diagnose.laws.rows import LAST, last_sizes
from epochwise.diagnose.optimum import arm_of
from epochwise.diagnose.regret import Regret

TIMES = 2  # the data
LINE_ERROR = 0.013  # sd of the log error of such lines at twice the data: their median on 90 public
# curves is 0.9% (benchmarks/more_data.py), and a normal error's median is 0.67 sd


@dataclass(frozen=True)
class MoreData:
    size: int
    """Rows, twice as many as were tried."""
    sizes: tuple[int, ...]
    """What the line was laid through."""
    loss: float
    """Expected there, with epochs and rank chosen as well as at the tried sizes."""
    gain: float
    """How much lower than at the largest size tried."""
    interval: tuple[float, float]
    """Of the gain, 9 times in 10; rows, seeds and the error of such lines are in it."""
    helps: bool | None
    """None where the interval leaves it open."""

    @property
    def sentence(self) -> str:
        low, high = self.interval
        gain = f"{self.gain:.3f} ({low:.3f} to {high:.3f})"
        means = {
            True: "more data would help",
            False: "more data would hardly help",
            None: "whether more data would help is open",
        }
        return (
            f"Twice the data, {self.size:,} rows, is expected to lower the loss by {gain}, by the "
            f"line through the {len(self.sizes)} largest sizes: {means[self.helps]}."
        )


def more_data(grid: Sequence[Cell], measured: Regret, chosen: int) -> MoreData | None:
    """What twice the data would bring to the chosen cell's model and method.

    None with fewer than 3 sizes. Pilots on few rows understate it: before losses become a power
    of the rows, each doubling brings more than the one before (2402.02314).
    """
    arm = arm_of(grid, chosen)
    sizes = np.array([grid[i].size for i in arm])
    tried = np.unique(sizes)[-LAST:]
    if len(tried) < LAST or measured.loss.min() <= 0:
        return None
    best = np.stack(
        [measured.resampled[:, arm[sizes == size]].min(axis=1) for size in tried], axis=1
    )
    lowest = np.array([measured.loss[arm[sizes == size]].min() for size in tried])
    twice = float(TIMES * tried[-1])
    expected = last_sizes(tried.astype(float), lowest).loss(twice)
    low, high = np.quantile(_gains(tried.astype(float), best, twice), [0.05, 0.95])
    return MoreData(
        size=int(twice),
        sizes=tuple(int(size) for size in tried),
        loss=expected,
        gain=float(lowest[-1]) - expected,
        interval=(float(low), float(high)),
        helps=_helps(float(low), float(high), measured.eps),
    )


def _gains(
    sizes: Float[np.ndarray, " sizes"], best: Float[np.ndarray, "resamples sizes"], twice: float
) -> Float[np.ndarray, " resamples"]:
    rng = np.random.default_rng(0)
    off = np.exp(rng.normal(0, LINE_ERROR, len(best)))
    positive = np.maximum(best, 1e-6)  # a wide spread of seeds may reach below 0
    expected = np.array([last_sizes(sizes, losses).loss(twice) for losses in positive])
    return np.asarray(best[:, -1] - expected * off)


def _helps(low: float, high: float, eps: float) -> bool | None:
    """A gain that is past doubt helps; one that cannot exceed eps does not."""
    if low > 0:
        return True
    return False if high <= eps else None
