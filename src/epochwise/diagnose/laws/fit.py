"""Fits of laws to losses: least squares on log losses that outliers do not carry off.

All fits of a batch run at once (random starts, left-out curves, resamples): a study of 1,000 cells
asks for thousands of fits, and one optimiser call for each would take minutes.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

STARTS = 40
OUTLIER = 1e-2  # of the loss: residuals beyond it count linearly (Huber)
STEPS = 200
SETTLED = 1e-10  # a relative fall of the cost that ends a fit
DAMPING, STUCK = (1e-12, 1e10), 1e8

Prediction = Callable[
    [Float[np.ndarray, "fits parameters"]],
    tuple[Float[np.ndarray, "fits points"], Float[np.ndarray, "fits points parameters"]],
]


class Law(NamedTuple):
    """A law at the points where losses were measured."""

    name: str
    log_loss: Prediction
    """Parameters -> log losses and their derivatives."""
    low: Float[np.ndarray, " parameters"]
    """Random starts are drawn between low and high."""
    high: Float[np.ndarray, " parameters"]
    prior: Float[np.ndarray, " parameters"]
    """Standard deviation about 0 that is believed beforehand; inf for none."""


class Fit(NamedTuple):
    parameters: Float[np.ndarray, "fits parameters"]
    cost: Float[np.ndarray, " fits"]
    """Summed, not averaged: an average is so small that optimisers stop early (2404.10102)."""


def best_fit(
    law: Law, losses: Float[np.ndarray, " points"], *, outlier: float = OUTLIER
) -> Float[np.ndarray, " parameters"]:
    """The parameters of the lowest cost found from `STARTS` random starts."""
    return np.asarray(best_fits(law, losses, outlier=outlier)[0])


def best_fits(
    law: Law, losses: Float[np.ndarray, " points"], *, outlier: float = OUTLIER
) -> Float[np.ndarray, "starts parameters"]:
    """The ends of all random starts, the lowest cost first."""
    draws = np.random.default_rng(0).random((STARTS, len(law.low)))
    starts = law.low + draws * (law.high - law.low)
    found = fits(law, np.log(losses)[None], np.ones((1, len(losses))), starts, outlier=outlier)
    return found.parameters[np.argsort(found.cost, kind="stable")]


def fits(
    law: Law,
    log_losses: Float[np.ndarray, "..."],
    weights: Float[np.ndarray, "..."],
    starts: Float[np.ndarray, "fits parameters"],
    *,
    outlier: float = OUTLIER,
) -> Fit:
    """Levenberg-Marquardt on Huber's loss, each fit of the batch with its own damping.

    Args:
        log_losses: A row for each fit, or one for all.
        weights: Of each point, likewise; 0 leaves a point out.
    """
    belief = np.square(outlier / law.prior)  # in units of the squared residuals
    problem = _Problem(law, log_losses, weights, outlier, belief)
    state = problem.at(starts)
    damping = np.full(len(starts), 1e-3)
    going = np.arange(len(starts))
    for _ in range(STEPS):
        before = state.part(going)
        trial = problem.part(going).at(_moved(before, damping[going], law))
        better = trial.cost < before.cost
        fall = np.where(better, before.cost - trial.cost, 0.0)
        ended = np.where(better, fall <= SETTLED * before.cost, damping[going] >= STUCK)
        state.take(going[better], trial.part(better))
        damping[going] = np.clip(damping[going] * np.where(better, 0.2, 5.0), *DAMPING)
        going = going[~ended]
        if not len(going):
            break
    return Fit(state.parameters, state.cost)


class _State(NamedTuple):
    parameters: Float[np.ndarray, "fits parameters"]
    cost: Float[np.ndarray, " fits"]
    slope: Float[np.ndarray, "fits parameters"]
    curvature: Float[np.ndarray, "fits parameters parameters"]

    def part(self, fits: np.ndarray) -> "_State":
        return _State(*(values[fits] for values in self))

    def take(self, fits: np.ndarray, better: "_State") -> None:
        for values, new in zip(self, better, strict=True):
            values[fits] = new


class _Problem(NamedTuple):
    law: Law
    log_losses: Float[np.ndarray, "..."]
    weights: Float[np.ndarray, "..."]
    outlier: float
    belief: Float[np.ndarray, " parameters"]

    def part(self, fits: np.ndarray) -> "_Problem":
        """Of some fits; what is one for all stays."""
        losses, weights = (
            values if len(values) == 1 else values[fits]
            for values in (self.log_losses, self.weights)
        )
        return self._replace(log_losses=losses, weights=weights)

    def at(self, parameters: Float[np.ndarray, "fits parameters"]) -> _State:
        predicted, derivatives = self.law.log_loss(parameters)
        residuals = predicted - self.log_losses
        size = np.abs(residuals)
        huber = np.where(
            size <= self.outlier, size**2 / 2, self.outlier * (size - self.outlier / 2)
        )
        believed = self.belief * parameters
        cost = (self.weights * huber).sum(axis=1) + (believed * parameters).sum(axis=1) / 2
        pull = self.weights * np.minimum(1, self.outlier / np.maximum(size, 1e-300))
        weighted = np.moveaxis(derivatives, 2, 1) * pull[:, None, :]
        slope = (weighted @ residuals[:, :, None])[:, :, 0] + believed
        curvature = weighted @ derivatives + np.diag(self.belief)
        return _State(parameters, cost, slope, curvature)


def _moved(
    state: _State, damping: Float[np.ndarray, " fits"], law: Law
) -> Float[np.ndarray, "fits parameters"]:
    """One damped step, kept within twice the box of starts: beyond it powers overflow."""
    diagonal = np.diagonal(state.curvature, axis1=1, axis2=2)
    ridge = damping[:, None] * np.maximum(diagonal, 1e-12) + 1e-15
    damped = state.curvature + ridge[:, :, None] * np.eye(len(law.low))
    step = np.linalg.solve(damped, state.slope[:, :, None])[:, :, 0]
    margin = (law.high - law.low) / 2
    moved = np.clip(state.parameters - step, law.low - margin, law.high + margin)
    return np.asarray(moved)
