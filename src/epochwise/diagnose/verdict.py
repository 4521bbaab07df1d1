"""What one curve says: a headline, flags, and the tests behind them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from epochwise.diagnose import sign
from epochwise.diagnose.blur import blur as blur_of_curve
from epochwise.diagnose.bounce import beyond_rows
from epochwise.diagnose.calibration import calibration
from epochwise.diagnose.case import Case
from epochwise.diagnose.forgetting import forgetting
from epochwise.diagnose.membership import learnt_by_heart, membership
from epochwise.diagnose.memory import leak, memorisation
from epochwise.diagnose.noise import redrawn
from epochwise.diagnose.onset import DRAWS, HINGED_FROM, Onset, onset_interval
from epochwise.diagnose.onset import onset as hinge
from epochwise.diagnose.steadiness import instability
from epochwise.diagnose.symptom import (
    Evidence,
    Reason,
    Symptom,
    blur,
    divergence,
    level,
    onset,
    rise,
    slope,
    values,
    without_rise,
)
from epochwise.diagnose.trace import EMPTY, History, Trace, ends_unbounded
from epochwise.diagnose.unimodal import Noise
from epochwise.record import Point, RowLosses

HEADLINES = (
    "diverged",
    "overfit_loss",
    "overfit_quality",
    "no_learning",
    "still_improving",
    "inconclusive",
    "healthy",
)
FLAGS = ("unstable", "memorised", "leak_suspected", "forgetting", "calibration_only")

Symptoms = Mapping[str, Symptom | None]


@dataclass(frozen=True)
class Verdict:
    verdict: str
    """diverged, overfit_loss, no_learning, still_improving, inconclusive or healthy."""
    flags: tuple[str, ...]
    """unstable, memorised, leak_suspected: what shows beside the headline."""
    best_epoch: int | float
    """Of the lowest validation loss after the base model; 0 where no epoch was measured. Of a
    history whose axis is steps, a step."""
    onset_epoch: float | None
    """Where an overfitted run's rise begins; of a curve too short for that, where it is past
    doubt."""
    rise: float
    """Last validation loss minus the lowest, in nats."""
    gap: float
    """Last validation loss minus last probe loss, in nats."""
    confidence: float | None
    """1 - p of the test that the headline rests on; None where there is none."""
    reasons: tuple[Reason, ...]
    """The one that the headline rests on comes first, those of the flags last."""
    onset_interval: tuple[float, float] | None = None
    """Holds the onset 9 times in 10, by resampled rows or residuals."""


class Finding(NamedTuple):
    headline: str
    confidence: float | None
    reasons: tuple[Reason, ...]


def judge(curve: Sequence[Point], rows: RowLosses | None, *, steps: Trace = EMPTY) -> Verdict:
    """The headline and flags of a run, from its curve and, where there are any, losses per row.

    The first of these that shows: diverged, overfit_loss, no_learning, still_improving,
    inconclusive; else healthy. Overfitting comes before the next two because a loss that rose is
    not still improving, and a model that learnt its training rows by heart did learn.

    Args:
        curve: In the order of epochs; epoch 0, the base model, may be missing.
        rows: Losses of the same points, per row.
        steps: Losses of the training steps, where they were logged; their axis is in epochs.
    """
    if not curve:
        raise ValueError("a curve of no points cannot be judged: give at least one")
    if not all(math.isfinite(point.val) for point in curve):
        return _verdict(Finding("diverged", None, (_not_finite(curve),)), curve)
    if curve[-1].epoch == 0:
        return _verdict(Finding("inconclusive", None, (_not_trained(curve),)), curve)
    case = Case(history_of(curve, steps))
    if rows is None:
        return _verdict(_of_curve(case), curve, _hinge(case), _flags(case))
    evidence = Evidence(tuple(curve), rows)
    finding = _of_rows(evidence)
    flags = _row_flags(case, evidence, risen=finding.headline == "overfit_loss")
    return _verdict(finding, curve, _onset(evidence, rows), flags)


def judge_history(history: History) -> Verdict:
    """The same of what any tool has logged; where nothing was validated, the training losses."""
    series = [trace.losses for trace in (history.val, history.train) if len(trace.losses)]
    if any(ends_unbounded(losses) for losses in series):
        finding, started, flags = Finding("diverged", None, (_unbounded(history),)), None, {}
    else:
        case = Case(history)
        finding, started, flags = _of_curve(case), _hinge(case), _flags(case)
        started = None if started is None else started.after(sign.lowest(history))
    losses = history.judged.losses[np.isfinite(history.judged.losses)]
    ends = Point(0, float(losses[-1]), math.nan) if len(losses) else Point(0, math.nan, math.nan)
    verdict = _verdict(finding, [ends], started, flags)
    measured = len(losses) > int(history.based)
    changes = {
        "best_epoch": sign.lowest(history) if measured else 0,
        "rise": float(losses[-1] - losses[int(history.based) :].min()) if measured else 0.0,
    }
    return Verdict(**vars(verdict) | changes)


def history_of(curve: Sequence[Point], steps: Trace) -> History:
    """A run's curve as what any tool could have logged."""
    at = np.array([point.epoch for point in curve], dtype=float)
    probes = np.array([point.probe for point in curve], dtype=float)
    return History(
        val=Trace(at, values(curve)),
        train=steps,
        probe=Trace(at, probes) if np.isfinite(probes).any() else EMPTY,
        based=curve[0].epoch == 0,
        boundaries=np.arange(float(at[-1]) + 1),
    )


def _flags(case: Case) -> dict[str, Symptom | None]:
    return {
        "unstable": instability(case),
        "memorised": memorisation(case),
        "leak_suspected": leak(case),
    }


def _row_flags(case: Case, evidence: Evidence, *, risen: bool) -> dict[str, Symptom | None]:
    flags = _flags(case)
    return flags | {
        "unstable": beyond_rows(instability(case), case, evidence),
        "memorised": learnt_by_heart(flags["memorised"], membership(evidence)),
        "forgetting": forgetting(evidence),
        "calibration_only": calibration(evidence) if risen else None,
    }


def _of_rows(evidence: Evidence) -> Finding:
    tests: Symptoms = {
        "diverged": divergence(evidence),
        "overfit_loss": rise(evidence),
        "no_learning": level(evidence),
        "still_improving": slope(evidence),
    }
    if not any(symptom.shown for symptom in tests.values() if symptom):
        tests = dict(tests) | {"inconclusive": blur(evidence)}
    return _finding(tests, without_rise(evidence))


def _of_curve(case: Case) -> Finding:
    tests: Symptoms = {
        "diverged": sign.divergence(case),
        "overfit_loss": sign.rise(case),
        "no_learning": sign.level(case),
        "still_improving": sign.slope(case),
        "inconclusive": blur_of_curve(case),
    }
    return _finding(tests, sign.without_rise(case))


def _finding(tests: Symptoms, otherwise: float | None) -> Finding:
    """The first test that shows, with its confidence; `otherwise` is that of a healthy run."""
    made = {name: symptom for name, symptom in tests.items() if symptom is not None}
    headline = next((name for name, symptom in made.items() if symptom.shown), "healthy")
    made = {k: s for k, s in made.items() if k != "inconclusive" or k == headline}
    decisive = "overfit_loss" if headline == "healthy" else headline
    reasons = [made[name].reason for name in sorted(made, key=lambda name: name != decisive)]
    confidence = made[headline].confidence if headline in made else otherwise
    return Finding(headline, confidence, tuple(reasons))


def _hinge(case: Case) -> Onset | None:
    """Where the curve's rise begins, by a hinge; where none fits, the first point well up."""
    points, course = case.course.points, case.course
    if len(points.at) >= HINGED_FROM:
        found = hinge(points.at, points.losses, noise=course.noise)
        if found is not None:
            return found
    after = np.arange(len(points.at)) > course.lowest
    up = after & (points.losses - course.low >= case.least)
    return Onset(float(points.at[up][0]), None) if up.any() else None


def _onset(evidence: Evidence, rows: RowLosses) -> Onset | None:
    """Where the rows' mean begins to rise, with the interval that other rows would have given."""
    first = onset(evidence)
    at = np.array([point.epoch for point in evidence.curve], dtype=float)
    if len(at) < HINGED_FROM:
        return None if first is None else Onset(float(first), None)
    found = hinge(at, values(evidence.curve), noise=Noise(0.0, 1.0, np.zeros(len(at))))
    if found is None:
        return None if first is None else Onset(float(first), None)
    labels = np.unique(rows.val_source, return_inverse=True)[1]
    nats = np.stack([np.bincount(labels, weights=point) for point in rows.val.astype(float)])
    tokens = np.bincount(labels, weights=rows.val_tokens)
    draws = redrawn(len(tokens), DRAWS, np.random.default_rng(0))
    return found._replace(interval=onset_interval(at, draws @ nats.T / (draws @ tokens)[:, None]))


def _verdict(
    finding: Finding,
    curve: Sequence[Point],
    started: Onset | None = None,
    flags: Symptoms | None = None,
) -> Verdict:
    measured = [point for point in curve if point.epoch > 0 and math.isfinite(point.val)]
    best = min(measured, key=lambda point: point.val, default=curve[0]._replace(epoch=0))
    last = curve[-1]
    shown = {name: test for name, test in (flags or {}).items() if test and test.shown}
    risen = started is not None and finding.headline == "overfit_loss"
    begun = started.after(float(best.epoch)) if risen and started else None
    return Verdict(
        verdict=finding.headline,
        flags=tuple(shown),
        best_epoch=best.epoch,
        onset_epoch=None if begun is None else begun.at,
        rise=last.val - best.val,
        gap=last.val - last.probe,
        confidence=finding.confidence,
        reasons=finding.reasons + tuple(test.reason for test in shown.values()),
        onset_interval=None if begun is None else begun.interval,
    )


def _unbounded(history: History) -> Reason:
    trace = history.judged if ends_unbounded(history.judged.losses) else history.train
    bad = ~np.isfinite(trace.losses)
    place = f"{history.axis} {trace.at[bad][0]:.6g}"
    advice = f"The loss is not a number from {place} on: lower the learning rate, by 10 times first"
    advice += ", and train in bf16 or fp32 where it is fp16."
    count = len(trace.losses)
    return Reason("points_not_finite", float(bad.sum()), None, 0.0, count, advice)


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
