"""The course of a curve without rows: its smoothed losses, and how sure their differences are."""

import math
from dataclasses import dataclass
from functools import cached_property
from statistics import NormalDist

import numpy as np
from jaxtyping import Float

from epochwise.diagnose.noise import LEVEL, POWER
from epochwise.diagnose.trace import FILTERED_FROM, Trace, finite, thinned
from epochwise.diagnose.unimodal import Noise, noise


@dataclass(frozen=True)
class Difference:
    """The later of two smoothed losses minus the earlier, and its standard error."""

    estimate: float
    error: float
    chances: float
    """How many independent points the lower one was the lowest of."""

    @property
    def reach(self) -> float:
        """Of a one-sided bound at 95%, Bonferroni's for the choice of the lowest point."""
        return NormalDist().inv_cdf(1 - (1 - LEVEL) / max(1.0, self.chances)) * self.error

    @property
    def low(self) -> float:
        return self.estimate - self.reach

    @property
    def high(self) -> float:
        return self.estimate + NormalDist().inv_cdf(LEVEL) * self.error

    @property
    def detectable(self) -> float:
        return self.reach + NormalDist().inv_cdf(POWER) * self.error

    @property
    def interval(self) -> tuple[float, float] | None:
        return (self.low, self.high) if self.error > 0 else None

    @property
    def confidence(self) -> float | None:
        """1 - p of the test that there is a difference upwards; None where no noise is seen."""
        if self.error == 0:
            return None
        p = NormalDist().cdf(-self.estimate / self.error)
        return 1 - min(1.0, p * max(1.0, self.chances))


@dataclass(frozen=True)
class Course:
    """A trace, thinned and smoothed by a running mean over a tenth of it."""

    trace: Trace

    @cached_property
    def points(self) -> Trace:
        return thinned(finite(self.trace))

    @cached_property
    def noise(self) -> Noise:
        return noise(self.points.losses)

    @cached_property
    def half(self) -> int:
        """Points on either side that a smoothed loss is the mean of."""
        n = len(self.points.losses)
        return max(1, n // 20) if n >= FILTERED_FROM else 0

    @cached_property
    def smoothed(self) -> Float[np.ndarray, " points"]:
        n = len(self.points.losses)
        sums = np.concatenate([[0.0], np.cumsum(self.points.losses - self.points.losses[0])])
        first = np.maximum(np.arange(n) - self.half, 0)
        end = np.minimum(np.arange(n) + self.half + 1, n)
        means: Float[np.ndarray, " points"] = self.points.losses[0] + (
            (sums[end] - sums[first]) / (end - first)
        )
        return means

    @property
    def start(self) -> float:
        return float(self.smoothed[0])

    @property
    def end(self) -> float:
        return float(self.smoothed[-1])

    @cached_property
    def lowest(self) -> int:
        return int(np.argmin(self.smoothed))

    @property
    def low(self) -> float:
        return float(self.smoothed[self.lowest])

    @property
    def gained(self) -> float:
        return self.start - self.low

    def above_lowest(self, place: int) -> Difference:
        """How far the smoothed loss at `place` lies above the lowest."""
        width = 2 * self.half + 1
        chances = len(self.smoothed) / width
        error = self.noise.error(self.half + 1, width)
        return Difference(float(self.smoothed[place]) - self.low, error, chances)

    @property
    def risen(self) -> Difference:
        return self.above_lowest(len(self.smoothed) - 1)

    @property
    def learned(self) -> Difference:
        return self.above_lowest(0)

    @property
    def end_above_start(self) -> Difference:
        error = self.noise.error(self.half + 1, self.half + 1)
        return Difference(self.end - self.start, error, 1.0)

    @property
    def detailed(self) -> bool:
        """Whether there are enough points that noise would be seen in them."""
        return len(self.smoothed) >= FILTERED_FROM

    @cached_property
    def falling(self) -> Difference:
        """How far the last third falls: Theil's and Sen's slope, which no single point bends."""
        at, losses = self.window
        i, j = np.triu_indices(len(at), 1)
        slope = float(np.median((losses[j] - losses[i]) / (at[j] - at[i])))
        span = float(at[-1] - at[0])
        spread = math.sqrt(float(np.square(at - at.mean()).sum()))
        error = self.noise.deviation * math.sqrt(self.noise.inflation) * span / spread
        return Difference(-slope * span, error, 1.0)

    @property
    def window(self) -> Trace:
        count = max(2, math.ceil(len(self.points.at) / 3))
        return Trace(self.points.at[-count:], self.points.losses[-count:])

    @property
    def falls_to_lowest(self) -> bool:
        """Whether the lowest smoothed loss lies in that window."""
        return self.lowest >= len(self.smoothed) - len(self.window.at)

    @property
    def window_share(self) -> float:
        """Of the axis that the last third takes up."""
        at = self.points.at
        return float((at[-1] - self.window.at[0]) / (at[-1] - at[0]))
