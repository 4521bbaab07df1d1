"""Where the law of a study puts the best number of epochs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from epochwise.diagnose.cells import EPOCHS, RANK, SIZE, Cell, count
from epochwise.diagnose.laws.fit import Law, best_fits, fits
from epochwise.diagnose.laws.powers import study_laws
from epochwise.diagnose.regret import Regret

FEWEST_EPOCHS, FEWEST_SIZES = 4, 3  # different ones, below which no law is fitted
REACH = 2  # times the longest run: no optimum is told beyond
REFITS = 200
KEPT = 5  # starts that are taken up again where a curve is left out
DIGITS = 6  # of nats: regrets that agree in them are ties, and the simpler law wins


@dataclass(frozen=True)
class Optimum:
    size: int
    rank: int | None
    epochs: int
    interval: tuple[int, int]
    """Holds the best number of epochs 9 times in 10 under other rows and seeds, by this law."""
    beyond: bool
    """Whether the law still falls at twice the longest run, where it is no longer asked."""


@dataclass(frozen=True)
class LawFinding:
    law: str
    """M0 to M3 of `diagnose.laws.powers`."""
    regrets: dict[str, float]
    """Law -> nats above the best, on average, where it chose epochs for a curve it never saw."""
    residual: float
    """Standard deviation of the log losses about the law."""
    freedom: int
    optima: tuple[Optimum, ...]

    @property
    def sentence(self) -> str:
        bests = "; ".join(_words(optimum) for optimum in self.optima)
        lost = f"choosing epochs for sizes and ranks left out it lost {self.regrets[self.law]:.4f}"
        law = f"By the law fitted to all settings ({self.law}; {lost})"
        return f"{law} the loss is lowest after {bests}."


class _Axes(NamedTuple):
    rows: Float[np.ndarray, " cells"]
    epochs: Float[np.ndarray, " cells"]
    rank: Float[np.ndarray, " cells"] | None

    def laws(self, at: "_Axes") -> tuple[Law, ...]:
        """The laws at other places, in the units of these: their geometric means."""
        if self.rank is None or at.rank is None:
            return study_laws(at.rows / _typical(self.rows), at.epochs, None)
        return study_laws(at.rows / _typical(self.rows), at.epochs, at.rank / _typical(self.rank))


class _Fitted(NamedTuple):
    law: Law
    starts: Float[np.ndarray, "kept parameters"]
    """The best ends of all random starts, best first."""


class LawChoice(NamedTuple):
    fitted: _Fitted
    axes: _Axes
    regrets: dict[str, float]
    residual: float
    """Standard deviation of the log losses about the law."""
    freedom: int


def arm_of(grid: Sequence[Cell], chosen: int) -> Int[np.ndarray, " cells"]:
    """The cells that differ from the chosen one in size, epochs and rank alone."""
    own = grid[chosen].without(SIZE, EPOCHS, RANK)
    return np.flatnonzero([cell.without(SIZE, EPOCHS, RANK) == own for cell in grid])


def law_choice(cells: Sequence[Cell], losses: Float[np.ndarray, " cells"]) -> LawChoice | None:
    """The law that chooses epochs best for a curve left out.

    None with fewer than 4 lengths or 3 sizes: then what was measured says more than any law.
    """
    axes = _axes(cells)
    few = len(set(axes.epochs)) < FEWEST_EPOCHS or len(set(axes.rows)) < FEWEST_SIZES
    if few or losses.min() <= 0:
        return None
    curves = np.unique([cell.without(EPOCHS) for cell in cells], return_inverse=True)[1]
    fitted = [_Fitted(law, best_fits(law, losses)[:KEPT]) for law in axes.laws(axes)]
    regrets = {one.law.name: _left_out(one, losses, curves, axes.epochs) for one in fitted}
    best = min(fitted, key=lambda one: round(regrets[one.law.name], DIGITS))
    residuals = best.law.log_loss(best.starts[:1])[0][0] - np.log(losses)
    freedom = max(1, len(losses) - len(best.law.low))
    spread = float(np.sqrt(np.square(residuals).sum() / freedom))
    return LawChoice(best, axes, regrets, spread, freedom)


def law_finding(grid: Sequence[Cell], measured: Regret, chosen: int) -> LawFinding | None:
    """The law of the chosen cell's model and method, and the optima that it gives."""
    arm = arm_of(grid, chosen)
    made = law_choice([grid[i] for i in arm], measured.loss[arm])
    if made is None:
        return None
    optima = _optima(made, measured.resampled[:REFITS, arm], grid[chosen])
    return LawFinding(made.fitted.law.name, made.regrets, made.residual, made.freedom, optima)


def _axes(cells: Sequence[Cell]) -> _Axes:
    ranks = [cell.settings.get(RANK) for cell in cells]
    numbers = [rank for rank in ranks if isinstance(rank, int | float)]
    differ = len(numbers) == len(cells) and len(set(numbers)) > 1
    return _Axes(
        np.array([float(cell.size) for cell in cells]),
        np.array([float(cell.epochs) for cell in cells]),
        np.array(numbers, dtype=float) if differ else None,
    )


def _left_out(
    fitted: _Fitted,
    losses: Float[np.ndarray, " cells"],
    curves: Int[np.ndarray, " cells"],
    epochs: Float[np.ndarray, " cells"],
) -> float:
    """Mean regret of the law's choice among each curve's epochs, fitted to all other curves."""
    number = int(curves.max()) + 1
    weights = (curves[None] != np.arange(number)[:, None]).astype(float)
    starts = np.tile(fitted.starts, (number, 1))
    each = len(fitted.starts)
    found = fits(fitted.law, np.log(losses)[None], np.repeat(weights, each, axis=0), starts)
    costs = found.cost.reshape(number, each)
    best = np.arange(number) * each + costs.argmin(axis=1)
    foretold = fitted.law.log_loss(found.parameters[best])[0]
    regrets = [
        _regret(losses[curves == i], foretold[i, curves == i], epochs[curves == i])
        for i in range(number)
    ]
    return float(np.mean(regrets))


def _regret(
    losses: Float[np.ndarray, " lengths"],
    foretold: Float[np.ndarray, " lengths"],
    epochs: Float[np.ndarray, " lengths"],
) -> float:
    """Of equal foretold losses the shortest run is chosen."""
    chosen = np.lexsort((epochs, foretold.round(9)))[0]
    return float(losses[chosen] - losses.min())


def _optima(
    made: LawChoice, resampled: Float[np.ndarray, "refits cells"], chosen: Cell
) -> tuple[Optimum, ...]:
    """What the law misses is in the intervals too, as if it were noise."""
    best, axes = made.fitted, made.axes
    logs = np.log(np.maximum(resampled, 1e-6))  # a wide spread of seeds may reach below 0
    logs += made.residual * np.random.default_rng(0).standard_normal(logs.shape)
    starts = np.repeat(best.starts[:1], len(logs), axis=0)
    refits = fits(best.law, logs, np.ones((1, logs.shape[1])), starts).parameters
    every = np.vstack([best.starts[:1], refits])
    rank = chosen.settings.get(RANK) if axes.rank is not None else None
    return tuple(_optimum(best.law, every, axes, int(size), rank) for size in np.unique(axes.rows))


def _optimum(
    law: Law,
    parameters: Float[np.ndarray, "refits parameters"],
    axes: _Axes,
    size: int,
    rank: int | None,
) -> Optimum:
    longest = axes.epochs[axes.rows == size].max()
    lengths = np.unique(np.geomspace(1, REACH * longest, 400).round())
    ranks = None if rank is None else np.full(len(lengths), float(rank))
    asked = _Axes(np.full(len(lengths), float(size)), lengths, ranks)
    here = next(each for each in axes.laws(asked) if each.name == law.name)
    found = lengths[here.log_loss(parameters)[0].round(9).argmin(axis=1)]
    low, high = np.quantile(found[1:], [0.05, 0.95], method="nearest")
    beyond = bool(found[0] == lengths[-1])
    return Optimum(size, rank, int(found[0]), (int(low), int(high)), beyond)


def _typical(values: Float[np.ndarray, " cells"]) -> float:
    return float(np.exp(np.log(values).mean()))


def _words(optimum: Optimum) -> str:
    low, high = optimum.interval
    more = " or more" if optimum.beyond else ""
    return f"{count(optimum.epochs, 'epoch')}{more} ({low} to {high}) at {optimum.size:,} rows"
