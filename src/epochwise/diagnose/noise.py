"""How much of a difference between two checkpoints the choice of validation rows can explain.

All comparisons are paired: the same rows are measured at every checkpoint, so what makes a row
hard cancels. Rows from one source passage are not independent: sums over sources are.
"""

import math
from functools import lru_cache
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

LEVEL = 0.95  # of each bound alone; both together hold 90%
POWER = 0.80  # with which a difference of the smallest detectable size is found
FOLDS = 10


class Contrast(NamedTuple):
    """A difference of mean losses, in nats per token, and its standard error over sources."""

    estimate: float
    error: float
    """NaN where all rows have one source: nothing then tells noise from effect."""
    clusters: int

    @property
    def low(self) -> float:
        return self.estimate - self._reach

    @property
    def high(self) -> float:
        return self.estimate + self._reach

    @property
    def detectable(self) -> float:
        """The smallest true difference that would be found significant 4 times in 5."""
        return self._reach + NormalDist().inv_cdf(POWER) * self.error

    @property
    def _reach(self) -> float:
        return student_quantile(LEVEL, max(1, self.clusters - 1)) * self.error

    def certainty_above(self, level: float) -> float:
        """1 - p of the one-sided test of `difference <= level`."""
        distance = self.estimate - level
        if self.error == 0:
            return float(distance > 0)
        return student_share(distance / self.error, max(1, self.clusters - 1))


def contrast(
    nats: Float[np.ndarray, " rows"],
    tokens: Int[np.ndarray, " rows"],
    source: Int[np.ndarray, " rows"],
) -> Contrast:
    """The token-weighted mean of per-row differences, with its cluster-robust standard error.

    The mean is sum(nats) / sum(tokens), as everywhere: a ratio of two sums over the same random
    rows. So the error is that of the linearised ratio: row i contributes
    (nats_i - mean * tokens_i), in which a long row that differs as much per token as all others
    adds no noise. A mean of per-row means would have another target than the curve shows.

    Args:
        nats: Difference of a row's summed loss between two checkpoints.
        tokens: Response tokens of each row.
        source: Rows with the same number are one draw.
    """
    total = int(tokens.sum())
    mean = float(nats.sum()) / total
    labels = np.unique(source, return_inverse=True)[1]
    sums = np.bincount(labels, weights=nats - mean * tokens)
    clusters = len(sums)
    if clusters < 2:
        return Contrast(mean, math.nan, clusters)
    spread = float(np.square(sums).sum()) * clusters / (clusters - 1)
    return Contrast(mean, math.sqrt(spread) / total, clusters)


def above_lowest(
    nats: Float[np.ndarray, "points rows"], source: Int[np.ndarray, " rows"]
) -> tuple[Float[np.ndarray, "points kept"], Bool[np.ndarray, " rows"]]:
    """Each row's loss minus its loss at the checkpoint that the folds *before* its own like best.

    The lowest point of a noisy curve is partly luck, and later points look higher than it even
    where nothing rises: choosing it on other rows than those compared removes the luck. Choosing
    it on all other folds does so for the mean, but folds that choose for each other are not
    independent: on flat curves (12 points, 50 to 300 rows) a test at 5% then fires in 8 to 10%.
    Choosing it on earlier folds only makes the sum a martingale, as the one-step estimator of
    arXiv 1603.07573 does, and 4 to 6% fire.

    Returns:
        The differences, and which rows they are of: the first fold only chooses.
    """
    _, labels = np.unique(source, return_inverse=True)
    clusters = int(labels.max()) + 1
    if clusters == 1:
        return nats - nats[nats.sum(axis=1).argmin()], np.ones(len(source), dtype=bool)
    folds = np.random.default_rng(0).permutation(clusters)[labels] % min(FOLDS, clusters)
    risen = np.empty_like(nats)
    for fold in range(1, int(folds.max()) + 1):
        inside, before = folds == fold, folds < fold
        risen[:, inside] = nats[:, inside] - nats[nats[:, before].sum(axis=1).argmin(), inside]
    return risen[:, folds > 0], folds > 0


def redrawn(sources: int, times: int, rng: np.random.Generator) -> Int[np.ndarray, "times sources"]:
    """How often each source comes up when as many as there are are drawn, with return."""
    return rng.multinomial(sources, np.full(sources, 1 / sources), size=times)


def student_share(value: float, freedom: int) -> float:
    """The probability that a Student t variable lies below `value`.

    >>> round(student_share(6.313752, freedom=1), 4)
    0.95
    """
    angles, shares = _student(freedom)
    return float(np.interp(math.atan(value / math.sqrt(freedom)), angles, shares))


def student_quantile(share: float, freedom: int) -> float:
    """The value below which a Student t variable lies with probability `share`.

    >>> round(student_quantile(0.95, freedom=9), 3)
    1.833
    """
    angles, shares = _student(freedom)
    return math.sqrt(freedom) * math.tan(np.interp(share, shares, angles))


def chi_square(share: float, freedom: int) -> float:
    """The quantile of a chi-square variable over its freedom (Wilson and Hilferty 1931).

    Example:
        Tables have 18.307 for 95% and 10 degrees of freedom:

        >>> round(10 * chi_square(0.95, 10), 1)
        18.3
    """
    spread = 2 / (9 * freedom)
    root = 1 - spread + NormalDist().inv_cdf(share) * math.sqrt(spread)
    return max(root, 1e-3) ** 3


@lru_cache(maxsize=64)
def _student(freedom: int) -> tuple[Float[np.ndarray, " grid"], Float[np.ndarray, " grid"]]:
    """Angles and the probability below each: t = sqrt(freedom) * tan(angle) ~ cos^(freedom-1)."""
    angles = np.linspace(-math.pi / 2, math.pi / 2, 20_001)
    density = np.clip(np.cos(angles), 0, 1) ** (freedom - 1)
    shares = np.concatenate([[0.0], np.cumsum(density[1:] + density[:-1])])
    return angles, shares / shares[-1]
