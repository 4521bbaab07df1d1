"""Where a loss begins to rise: a curve that settles, and then a straight rise from a hinge on."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from epochwise.diagnose.trace import FILTERED_FROM
from epochwise.diagnose.unimodal import Noise

HINGED_FROM = 6  # points: the fit has five parameters
RATES = 1.5 ** np.arange(10)  # decays over the whole axis: 1 to 38 time constants
DRAWS = 100
HINGES = 24
FEWEST_LATER = 2  # points after a hinge: a last point alone is no rise


class Onset(NamedTuple):
    at: float
    interval: tuple[float, float] | None
    """Holds 9 in 10 of the hinges of resampled curves."""

    def after(self, lowest: float) -> "Onset":
        """Not before the lowest loss: a rise that the decay still outweighs is none yet."""
        at = max(self.at, lowest)
        low, high = self.interval or (at, at)
        return Onset(at, self.interval and (low, max(high, at)))


def onset(
    at: Float[np.ndarray, " points"],
    losses: Float[np.ndarray, " points"],
    *,
    noise: Noise,
) -> Onset | None:
    """The hinge tau of E + B exp(-c t) + d max(0, t - tau), B >= 0, d > 0; None where none fits.

    It is sought from the lowest point on; where there are points enough to see a fall that still
    outweighs a rise, from a quarter of the curve before it.

    Args:
        noise: Of single points: its residuals are redrawn for the interval, at its deviation,
            which is what is left of theirs by a fit as free as that. No interval without any.
    """
    grid = _hinges(at, losses)
    shapes = _shapes(at, grid)
    rng = np.random.default_rng(0)
    fit, base = _best(shapes, losses[None], grid)
    if np.isnan(base[0]):
        return None
    if noise.deviation == 0:
        return Onset(float(base[0]), None)
    off = noise.residuals - noise.residuals.mean()
    off *= noise.deviation / off.std()
    drawn = fit[0] + rng.choice(off, (DRAWS, len(at)))
    return Onset(float(base[0]), _interval(_best(shapes, drawn, grid)[1], grid))


def onset_interval(
    at: Float[np.ndarray, " points"], curves: Float[np.ndarray, "draws points"]
) -> tuple[float, float] | None:
    """The same interval, from curves that were resampled by their rows."""
    grid = _hinges(at, curves.mean(axis=0))
    return _interval(_best(_shapes(at, grid), curves, grid)[1], grid)


def _interval(
    hinges: Float[np.ndarray, " draws"], grid: Float[np.ndarray, " hinges"]
) -> tuple[float, float] | None:
    """Quantiles, and a step of the grid beyond: it is no finer than that."""
    found = hinges[np.isfinite(hinges)]
    if len(found) < DRAWS / 2 or len(grid) < 2:  # of one hinge alone nothing is known
        return None
    reach = float(np.diff(grid).max())
    low, high = np.quantile(found, [0.05, 0.95])
    return float(low) - reach, float(high) + reach


def _hinges(
    at: Float[np.ndarray, " points"], losses: Float[np.ndarray, " points"]
) -> Float[np.ndarray, " hinges"]:
    last = len(at) - 1 - FEWEST_LATER
    back = len(at) // 4 if len(at) >= FILTERED_FROM else 0
    first = min(last, max(0, int(np.argmin(losses)) - back))
    if last - first < HINGES:
        return at[first : last + 1].copy()
    return np.linspace(at[first], at[last], HINGES)


class _Shapes(NamedTuple):
    """The curves 1, exp(-c t), max(0, t - tau) for each pair of a rate and a hinge, as Q and R."""

    basis: Float[np.ndarray, "designs points 3"]
    triangle: Float[np.ndarray, "designs 3 3"]


def _shapes(at: Float[np.ndarray, " points"], hinges: Float[np.ndarray, " hinges"]) -> _Shapes:
    time = (at - at[0]) / (at[-1] - at[0])
    place = (hinges - at[0]) / (at[-1] - at[0])
    designs = np.ones((len(RATES), len(place), len(time), 3))
    designs[..., 1] = np.exp(-RATES[:, None] * time)[:, None]
    designs[..., 2] = np.maximum(0, time - place[:, None])
    return _Shapes(*np.linalg.qr(designs.reshape(-1, len(time), 3)))


def _best(
    shapes: _Shapes,
    curves: Float[np.ndarray, "draws points"],
    hinges: Float[np.ndarray, " hinges"],
) -> tuple[Float[np.ndarray, "draws points"], Float[np.ndarray, " draws"]]:
    """Each curve's closest fit, and its hinge; NaN where no fit rises."""
    basis, triangle = shapes
    parts = np.moveaxis(np.moveaxis(basis, 1, 2) @ curves.T, 1, 2)
    rise = parts[:, :, 2] / _nonzero(triangle[:, 2, 2])[:, None]
    decay = (parts[:, :, 1] - triangle[:, 1, 2][:, None] * rise) / triangle[:, 1, 1][:, None]
    rises = (rise > 0) & (decay >= 0)
    explained = np.where(rises, np.square(parts).sum(axis=2), -np.inf)
    best = explained.argmax(axis=0)
    draws = np.arange(len(curves))
    found = np.where(np.isfinite(explained[best, draws]), np.tile(hinges, len(RATES))[best], np.nan)
    return _fits(basis, parts, best), found


def _nonzero(values: Float[np.ndarray, " designs"]) -> Float[np.ndarray, " designs"]:
    return np.where(values == 0, np.finfo(float).tiny, values)


def _fits(
    basis: Float[np.ndarray, "designs points 3"],
    parts: Float[np.ndarray, "designs draws 3"],
    best: Int[np.ndarray, " draws"],
) -> Float[np.ndarray, "draws points"]:
    chosen = parts[best, np.arange(len(best))]
    fits: Float[np.ndarray, "draws points"] = np.matmul(basis[best], chosen[:, :, None])[:, :, 0]
    return fits
