"""The closest curve that first falls and then rises, and the noise around it."""

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

# Degrees of freedom that a level of the fit takes: Meyer & Woodroofe (2000), Annals of Statistics.
LEVEL_COST = 1.5
CHANCE = 1.645  # over the root of n: autocorrelations that 1 in 20 series of pure noise exceed
ROUGHLY_KNOWN = 10  # points from which neighbours tell whether noise is correlated


class Noise(NamedTuple):
    """The scatter of single points around the curve's course."""

    deviation: float
    """0 where the points fall and rise without a contradiction: no noise can be seen."""
    inflation: float
    """How many times fewer independent points there are: neighbours resemble each other."""
    residuals: Float[np.ndarray, " points"]

    def error(self, *counts: int) -> float:
        """The standard error of a sum and difference of means over that many points each."""
        parts = sum(min(1.0, self.inflation / count) for count in counts)
        return self.deviation * math.sqrt(parts)


def noise(losses: Float[np.ndarray, " points"]) -> Noise:
    """What is left of the losses after the best fit that falls, then rises.

    Such a fit assumes no formula, so an uneven course is not taken for noise. A lag-1
    autocorrelation r leaves n (1 - r) / (1 + r) independent points of n.
    """
    fit = unimodal(losses)
    residuals = losses - fit
    if np.abs(residuals).max() <= 1e-12 * np.abs(losses).max():
        return Noise(0.0, 1.0, np.zeros(len(losses)))
    levels = 1 + np.count_nonzero(np.diff(fit))
    freedom = max(1.0, len(losses) / 3, len(losses) - LEVEL_COST * levels)
    deviation = math.sqrt(float(np.square(residuals).sum()) / freedom)
    likeness = min(0.9, autocorrelation(residuals))
    known = len(losses) >= ROUGHLY_KNOWN and likeness > CHANCE / math.sqrt(len(losses))
    return Noise(deviation, (1 + likeness) / (1 - likeness) if known else 1.0, residuals)


def autocorrelation(residuals: Float[np.ndarray, " points"]) -> float:
    """Of neighbours, in [-1, 1]; 0 of nothing."""
    power = float(np.square(residuals).sum())
    return float(residuals[1:] @ residuals[:-1]) / power if power > 0 else 0.0


def unimodal(losses: Float[np.ndarray, " points"]) -> Float[np.ndarray, " points"]:
    """The least-squares fit that does not rise before some point, nor fall after it.

    >>> unimodal(np.array([3.0, 1.0, 2.0, 4.0, 3.0]))
    array([3. , 1. , 2. , 3.5, 3.5])
    """
    before = np.concatenate([[0.0], _falling(losses)[1]])
    after = np.concatenate([[0.0], _falling(losses[::-1])[1]])[::-1]
    split = int(np.argmin(before + after))
    left, right = _falling(losses[:split])[0], _falling(losses[split:][::-1])[0]
    return np.concatenate([left, right[::-1]])


def _falling(
    values: Float[np.ndarray, " points"],
) -> tuple[Float[np.ndarray, " points"], Float[np.ndarray, " points"]]:
    """The best fit that never rises, and the squared error of the best fit to each beginning.

    Pool adjacent violators: a block that lies above the one before it is merged with it.
    """
    blocks: list[tuple[float, int, float]] = []  # mean, points, squared error within
    total, errors = 0.0, []
    for value in values.tolist():
        mean, count, error = value, 1, 0.0
        while blocks and blocks[-1][0] < mean:
            last, size, own = blocks.pop()
            total -= own
            error += own + (mean - last) ** 2 * count * size / (count + size)
            mean, count = (mean * count + last * size) / (count + size), count + size
        blocks.append((mean, count, error))
        total += error
        errors.append(total)
    fit = np.repeat([block[0] for block in blocks], [block[1] for block in blocks])
    return fit.astype(float), np.array(errors, dtype=float)
