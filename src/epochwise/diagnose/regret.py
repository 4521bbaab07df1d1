"""What each cell would lose against the best one, under resampled rows and seeds."""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from epochwise.diagnose.cells import EPOCHS, Cell
from epochwise.diagnose.noise import redrawn
from epochwise.record import RowLosses

RESAMPLES = 2000
LOSS_SHARE = 0.005  # of the best loss: a difference that nobody need care about
SEED_SHARE = 0.002  # of the loss: sd between seeds, geometric mean of 17 groups in datablations
SEED_BELIEF = 3  # observations that this is worth: single groups have 0.03% to 2.4%


class Regret(NamedTuple):
    loss: Float[np.ndarray, " cells"]
    """Nats per token or, where token counts differ between cells, per answer."""
    resampled: Float[np.ndarray, "resamples cells"]
    eps: float
    """A regret that nobody need care about: the seeds' spread, at least 0.5% of the best loss."""
    per_token: bool
    seed_spread: float
    """Standard deviation between seeds, measured and, where few were run, believed beforehand."""

    @property
    def p_regret(self) -> Float[np.ndarray, " cells"]:
        """How often each cell is within eps of the best."""
        regret = self.resampled - self.resampled.min(axis=1, keepdims=True)
        return np.asarray((regret <= self.eps).mean(axis=0))

    @property
    def p_best(self) -> Float[np.ndarray, " cells"]:
        best = self.resampled.argmin(axis=1)
        return np.asarray(np.bincount(best, minlength=len(self.loss)) / len(best))

    @property
    def interval(self) -> Float[np.ndarray, "2 cells"]:
        return np.asarray(np.quantile(self.resampled, [0.05, 0.95], axis=0))


def regret(cells: Sequence[Cell], rows: Mapping[str, RowLosses]) -> Regret:
    """The joint bootstrap: every cell sees the same resampled sources, so comparisons stay paired.

    To the mean over a cell's seeds comes what other seeds would change. All cells must be measured
    on the same rows. Tokenizers that cut these into different numbers of tokens have no common
    loss per token: then the nats of a whole answer are compared, the same event for all.
    """
    losses = [[rows[record.id] for record in cell.records] for cell in cells]
    first = losses[0][0]
    per_token = all(
        np.array_equal(run.val_tokens, first.val_tokens) for cell in losses for run in cell
    )
    rng = np.random.default_rng(0)
    source = np.unique(first.val_source, return_inverse=True)[1]
    sources = int(source.max()) + 1
    drawn = redrawn(sources, RESAMPLES, rng)
    weights = np.vstack([np.ones(sources), drawn]).astype(float)  # the first row: as measured
    seeds = [
        np.stack([_mean(run, source, weights, per_token) for run in cell], axis=1)
        for cell in losses
    ]
    spread = seed_spread(cells, [cell[0] for cell in seeds])
    means = np.stack([cell.mean(axis=1) for cell in seeds], axis=1)
    noise = spread.drawn(cells, rng)
    return Regret(means[0], means[1:] + noise, spread.margin(means[0]), per_token, spread.sd)


class Spread(NamedTuple):
    """What another seed changes: its standard deviation, and how well that is known."""

    sd: float
    freedom: int
    measured: float | None
    """From seeds alone; None where no setting was run with two."""

    def drawn(
        self, cells: Sequence[Cell], rng: np.random.Generator
    ) -> Float[np.ndarray, "resamples cells"]:
        """Errors of the cells' means over seeds.

        Resampling two or three seeds would show too little noise (two give half the variance) and
        none at all for one. So errors are drawn from the spread of all cells, which is itself
        drawn as far as it is unknown: in sum Student's t, wide where seeds are few.
        """
        inflation = np.sqrt(self.freedom / rng.chisquare(self.freedom, (RESAMPLES, 1)))
        normal = np.empty((RESAMPLES, len(cells)))
        order = np.argsort([cell.without() for cell in cells])  # whatever order they came in
        normal[:, order] = rng.standard_normal(normal.shape)
        seeds = np.array([len(cell.records) for cell in cells])
        return np.asarray(self.sd * inflation * normal / np.sqrt(seeds))

    def margin(self, losses: Float[np.ndarray, " cells"]) -> float:
        """The seeds' standard deviation, at least 0.5% of the best loss."""
        floor = LOSS_SHARE * abs(float(losses.min()))
        return floor if self.measured is None else max(floor, self.measured)


def seed_spread(cells: Sequence[Cell], losses: Sequence[Float[np.ndarray, " seeds"]]) -> Spread:
    """Pooled over all cells, together with what is believed of any study beforehand.

    Cells that differ in epochs alone share their seeds' training, so their spreads are about one
    observation and count as one.
    """
    lines: dict[str, int] = {}
    for cell, seeds in zip(cells, losses, strict=True):
        line = cell.without(EPOCHS)
        lines[line] = max(lines.get(line, 0), len(seeds) - 1)
    freedom, counted = sum(lines.values()), sum(len(seeds) - 1 for seeds in losses)
    believed = SEED_SHARE * abs(min(float(seeds.mean()) for seeds in losses))
    if freedom == 0:
        return Spread(believed, SEED_BELIEF, None)
    squares = sum(float(np.square(seeds - seeds.mean()).sum()) for seeds in losses)
    variance = squares / counted
    both = (freedom * variance + SEED_BELIEF * believed**2) / (freedom + SEED_BELIEF)
    # The belief may widen what was measured, never narrow it.
    sd = math.sqrt(max(both, variance))
    return Spread(sd, freedom + SEED_BELIEF, math.sqrt(variance))


def _mean(
    run: RowLosses,
    source: Int[np.ndarray, " rows"],
    weights: Float[np.ndarray, "resamples sources"],
    per_token: bool,
) -> Float[np.ndarray, " resamples"]:
    """The last loss under each resample: a ratio of two weighted sums."""
    nats = np.bincount(source, weights=run.val[-1])
    size = np.bincount(source, weights=run.val_tokens if per_token else None)
    return np.asarray((weights @ nats) / (weights @ size.astype(float)))
