"""What each cell would lose against the best one, under resampled rows and seeds."""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from epochwise.diagnose.cells import Cell
from epochwise.record import RowLosses

RESAMPLES = 2000
LOSS_SHARE = 0.005  # of the best loss: about what another seed changes (datablations: to 1%)


class Regret(NamedTuple):
    loss: Float[np.ndarray, " cells"]
    """Nats per token or, where token counts differ between cells, per answer."""
    resampled: Float[np.ndarray, "resamples cells"]
    eps: float
    """A regret that nobody need care about: the seeds' spread, at least 0.5% of the best loss."""
    per_token: bool

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

    Seeds are resampled within their cell. All cells must be measured on the same rows. Tokenizers
    that cut these into different numbers of tokens have no common loss per token: then the nats
    of a whole answer are compared, which is the same event for every tokenizer.
    """
    losses = [[rows[record.id] for record in cell.records] for cell in cells]
    first = losses[0][0]
    per_token = all(
        np.array_equal(run.val_tokens, first.val_tokens) for cell in losses for run in cell
    )
    rng = np.random.default_rng(0)
    source = np.unique(first.val_source, return_inverse=True)[1]
    sources = int(source.max()) + 1
    drawn = rng.multinomial(sources, np.full(sources, 1 / sources), size=RESAMPLES)
    weights = np.vstack([np.ones(sources), drawn]).astype(float)  # the first row: as measured
    seeds = [
        np.stack([_mean(run, source, weights, per_token) for run in cell], axis=1)
        for cell in losses
    ]
    measured = np.array([cell[0].mean() for cell in seeds])
    resampled = np.stack([_over_seeds(cell[1:], rng) for cell in seeds], axis=1)
    return Regret(measured, resampled, _eps(measured, [cell[0] for cell in seeds]), per_token)


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


def _over_seeds(
    losses: Float[np.ndarray, "resamples seeds"], rng: np.random.Generator
) -> Float[np.ndarray, " resamples"]:
    seeds = losses.shape[1]
    drawn = rng.multinomial(seeds, np.full(seeds, 1 / seeds), size=len(losses))
    return np.asarray((losses * drawn).sum(axis=1) / seeds)


def _eps(
    measured: Float[np.ndarray, " cells"], seeds: Sequence[Float[np.ndarray, " seeds"]]
) -> float:
    """The seeds' pooled standard deviation, at least 0.5% of the best loss."""
    floor = LOSS_SHARE * float(measured.min())
    freedom = sum(len(cell) - 1 for cell in seeds)
    if freedom == 0:
        return floor
    squares = sum(float(np.square(cell - cell.mean()).sum()) for cell in seeds)
    return max(floor, math.sqrt(squares / freedom))
