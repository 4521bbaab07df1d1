"""What one curve says: a headline, and the tests behind it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from epochwise.diagnose.symptom import (
    Evidence,
    Reason,
    blur,
    divergence,
    level,
    onset,
    rise,
    slope,
    without_rise,
)
from epochwise.record import Point, RowLosses


@dataclass(frozen=True)
class Verdict:
    verdict: str
    """diverged, overfit_loss, no_learning, still_improving, inconclusive or healthy."""
    flags: tuple[str, ...]
    best_epoch: int
    """Of the lowest validation loss after the base model; 0 where no epoch was measured."""
    onset_epoch: float | None
    """The first epoch after the best at which an overfitted run's rise is past doubt."""
    rise: float
    """Last validation loss minus the lowest, in nats."""
    gap: float
    """Last validation loss minus last probe loss, in nats."""
    confidence: float | None
    """1 - p of the test that the headline rests on; None where there is none."""
    reasons: tuple[Reason, ...]
    """The one that the headline rests on comes first."""


def judge(curve: Sequence[Point], rows: RowLosses | None) -> Verdict:
    """The headline of a run, from its curve and, where there are any, its losses per row.

    The first of these that shows: diverged, overfit_loss, no_learning, still_improving,
    inconclusive; else healthy. Overfitting comes before the next two because a loss that rose is
    not still improving, and a model that learnt its training rows by heart did learn.

    Args:
        curve: In the order of epochs; epoch 0, the base model, may be missing.
        rows: Losses of the same points, per row.
    """
    if not curve:
        raise ValueError("a curve of no points cannot be judged: give at least one")
    if not all(math.isfinite(point.val) for point in curve):
        return _verdict("diverged", curve, (_not_finite(curve),))
    if curve[-1].epoch == 0:
        return _verdict("inconclusive", curve, (_not_trained(curve),))
    return _judge(Evidence(tuple(curve), rows))


def _judge(evidence: Evidence) -> Verdict:
    tests = {
        "diverged": divergence(evidence),
        "overfit_loss": rise(evidence),
        "no_learning": level(evidence),
        "still_improving": slope(evidence),
    }
    made = {name: symptom for name, symptom in tests.items() if symptom is not None}
    if not any(symptom.shown for symptom in made.values()):
        blurred = blur(evidence)
        made |= {} if blurred is None or not blurred.shown else {"inconclusive": blurred}
    headline = next((name for name, symptom in made.items() if symptom.shown), "healthy")
    decisive = "overfit_loss" if headline == "healthy" else headline
    reasons = [made[name].reason for name in sorted(made, key=lambda name: name != decisive)]
    confidence = made[headline].confidence if headline in made else without_rise(evidence)
    started = onset(evidence) if headline == "overfit_loss" else None
    return _verdict(headline, evidence.curve, tuple(reasons), confidence, started)


def _verdict(
    headline: str,
    curve: Sequence[Point],
    reasons: tuple[Reason, ...],
    confidence: float | None = None,
    started: int | None = None,
) -> Verdict:
    measured = [point for point in curve if point.epoch > 0 and math.isfinite(point.val)]
    best = min(measured, key=lambda point: point.val, default=curve[0]._replace(epoch=0))
    last = curve[-1]
    return Verdict(
        verdict=headline,
        flags=(),
        best_epoch=best.epoch,
        onset_epoch=None if started is None else float(started),
        rise=last.val - best.val,
        gap=last.val - last.probe,
        confidence=confidence,
        reasons=reasons,
    )


def _not_finite(curve: Sequence[Point]) -> Reason:
    bad = [point.epoch for point in curve if not math.isfinite(point.val)]
    advice = (
        f"The validation loss is not a number from epoch {bad[0]} on: lower train.learning_rate, "
        "by 10 times first."
        if bad[0] > 0
        else "The base model itself gives a loss that is not a number: check model.weights."
    )
    return Reason("points_not_finite", float(len(bad)), None, 0.0, len(curve), advice)


def _not_trained(curve: Sequence[Point]) -> Reason:
    advice = "No epoch was measured: only the base model's loss is known; let one epoch finish."
    return Reason("epochs_measured", 0.0, None, 1.0, len(curve), advice)
