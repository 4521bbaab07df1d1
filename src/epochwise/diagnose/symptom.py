"""The tests behind a verdict: each measures one thing on a curve and says what to do about it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from epochwise.diagnose.noise import Contrast, above_lowest, contrast
from epochwise.record import Point, RowLosses

# Shares of a loss. Two runs of one setting differ by 0.04 to 1% (datablations, same settings,
# other seed), so less than 1% below the base is not learning and 2% above the lowest is a rise.
LEARNED = 0.01
RISE = 0.02
IMPROVEMENT = 0.005  # per epoch: four more epochs are then worth a rise that we would report
GENERALIZATION_LOSS = 5.0  # percent; of noise over 100 rows alone, 1 curve in 100 shows as much
KEPT = 0.5  # share of what the training rows had gained
JUMP = 6.0  # times the largest change before it: the factor of OLMo-core's step skipping


@dataclass(frozen=True)
class Reason:
    """What one test measured, and one sentence to act on."""

    name: str
    statistic: float
    interval: tuple[float, float] | None
    """Holds the true value 9 times in 10; None where only the curve is known."""
    threshold: float
    n: int
    """Independent sources of validation rows; points of the curve where only that is known."""
    advice: str


class Symptom(NamedTuple):
    shown: bool
    confidence: float | None
    """1 - p of the test; None where only the curve is known."""
    reason: Reason


class Evidence(NamedTuple):
    """A finite curve with one epoch or more, and its losses per row."""

    curve: tuple[Point, ...]
    rows: RowLosses

    @property
    def base(self) -> float | None:
        return self.curve[0].val if self.curve[0].epoch == 0 else None

    @property
    def tuned(self) -> tuple[Point, ...]:
        return tuple(point for point in self.curve if point.epoch > 0)

    @property
    def best(self) -> Point:
        return min(self.tuned, key=lambda point: point.val)

    def contrast(self, weights: Float[np.ndarray, " points"]) -> Contrast:
        """The weighted sum of the curve's points."""
        nats = weights @ self.rows.val.astype(float)
        return contrast(nats, self.rows.val_tokens, self.rows.val_source)

    def between(self, later: Point, earlier: Point) -> Contrast:
        weights = np.zeros(len(self.curve))
        weights[self.curve.index(later)] += 1
        weights[self.curve.index(earlier)] -= 1
        return self.contrast(weights)


def divergence(evidence: Evidence) -> Symptom | None:
    """Whether the run ended worse than it began, on validation *and* on its training rows.

    A validation loss above the base does not tell divergence from overfitting: small data
    trained for long gets there as well. The probe does: an overfitted model fits its training
    rows better than ever, a diverged one has lost, or never found, that fit.
    """
    if evidence.base is None:
        return None
    above = evidence.between(evidence.curve[-1], evidence.curve[0])
    share = ratio(above.estimate, evidence.base)
    shown = above.low > 0 and share >= RISE and fit_is_lost(evidence.curve)
    advice = (
        f"The last validation loss is {share:+.1%} from the base model's"
        + (" and the training rows are not fitted either" if shown else "")
        + (": lower train.learning_rate, by 10 times first." if shown else ".")
    )
    reason = _reason("end_above_base", evidence, above, (evidence.base, RISE), advice)
    return Symptom(shown, _certainty(evidence, above, 0.0), reason)


def fit_is_lost(curve: Sequence[Point]) -> bool:
    """Whether the training rows never gained 1%, or lost half of it.

    A probe that is not finite has lost it.
    """
    probes = np.array([point.probe for point in curve])
    gained = probes[0] - probes.min()
    kept = probes[0] - probes[-1]
    return not (gained >= LEARNED * probes[0] and kept >= KEPT * gained)


def level(evidence: Evidence) -> Symptom | None:
    """Whether the validation loss has stayed at the base model's."""
    if evidence.base is None:
        return None
    learned = evidence.between(evidence.curve[0], evidence.best)
    threshold = LEARNED * evidence.base
    shown = bool(learned.high < threshold or learned.high == evidence.base == 0)
    share = ratio(learned.estimate, evidence.base)
    side = "below" if share >= 0 else "above"
    fell = f"The lowest validation loss is {abs(share):.1%} {side} the base model's"
    match shown, training_rows_learned(evidence.curve):
        case False, _:
            advice = f"{fell}, at epoch {evidence.best.epoch}."
        case True, True:
            advice = f"{fell} though the training rows are learnt: use more, or more alike, rows."
        case _:
            advice = (
                f"{fell}, and the training rows' no more: raise train.learning_rate 3 to 10 "
                "times, and look whether any response token carries loss."
            )
    reason = _reason("learned_share", evidence, learned, (evidence.base, LEARNED), advice)
    certainty = _certainty(evidence, learned, threshold)
    return Symptom(shown, None if certainty is None else 1 - certainty, reason)


def training_rows_learned(curve: Sequence[Point]) -> bool:
    """Whether the probe fell by 1% of its value at the first point; unmeasured is no."""
    probes = [point.probe for point in curve]
    return min(probes) < (1 - LEARNED) * probes[0]


def rise(evidence: Evidence) -> Symptom | None:
    """Whether the validation loss rose after its lowest epoch, in a model that had learnt."""
    if len(evidence.tuned) < 2:
        return None
    learned = (
        evidence.base is None
        or evidence.best.val < (1 - LEARNED) * evidence.base
        or training_rows_learned(evidence.curve)
    )
    risen = rise_contrasts(evidence)[-1]
    share = ratio(risen.estimate, evidence.best.val)
    shown = learned and risen.low > 0 and share >= RISE
    advice = _rise_advice(evidence, shown)
    reason = _reason("rise", evidence, risen, (evidence.best.val, RISE), advice)
    return Symptom(shown, _certainty(evidence, risen, 0.0), reason)


def rise_contrasts(evidence: Evidence) -> list[Contrast]:
    """The cross-fitted rise of each epoch over the lowest one."""
    rows = evidence.rows
    nats = rows.val[-len(evidence.tuned) :].astype(float)
    risen, kept = above_lowest(nats, rows.val_source)
    return [contrast(row, rows.val_tokens[kept], rows.val_source[kept]) for row in risen]


def without_rise(evidence: Evidence) -> float | None:
    """The certainty that any rise after the lowest epoch is below 2%; None where untested."""
    if len(evidence.tuned) < 2:
        return None
    return 1 - rise_contrasts(evidence)[-1].certainty_above(RISE * evidence.best.val)


def onset(evidence: Evidence) -> int | None:
    """The first epoch after the lowest at which the rise is past doubt."""
    later = [i for i, point in enumerate(evidence.tuned) if point.epoch > evidence.best.epoch]
    contrasts = rise_contrasts(evidence)
    certain = [contrasts[i].low > 0 for i in later]
    epochs = (evidence.tuned[i].epoch for i, sure in zip(later, certain, strict=True) if sure)
    return next(epochs, None)


def slope(evidence: Evidence) -> Symptom | None:
    """Whether the loss was still falling at the end by more than 0.5% an epoch.

    The last third of the curve is asked, at least its last two points: after one epoch, the base
    and that epoch. A curve whose lowest point lies before that is not improving.
    """
    window = evidence.curve[-max(2, math.ceil(len(evidence.curve) / 3)) :]
    if len(window) < 2:
        return None
    lowest = evidence.best.val
    falling = evidence.contrast(_slope_weights(evidence.curve, len(window)))
    bounds = (falling.low, falling.high)
    shown = bounds[0] > IMPROVEMENT * lowest and evidence.best in window
    rate = ratio(falling.estimate, lowest)
    more = f": train longer, {2 * evidence.curve[-1].epoch} epochs next." if shown else "."
    way = "falls" if falling.estimate >= 0 else "rises"
    nats = f"{abs(falling.estimate):.3f} nats an epoch"
    advice = f"At the end the validation loss {way} by {nats}{more}"
    interval = (
        None if math.isnan(bounds[0]) else (ratio(bounds[0], lowest), ratio(bounds[1], lowest))
    )
    reason = Reason("improvement", rate, interval, IMPROVEMENT, falling.clusters, advice)
    return Symptom(shown, _certainty(evidence, falling, IMPROVEMENT * lowest), reason)


def blur(evidence: Evidence) -> Symptom | None:
    """What the rows are too few to show: a rise of 2%, or that anything was learnt."""
    small = _small_rise(evidence) if len(evidence.tuned) > 1 else None
    if small is not None and small.shown:
        return small
    return None if evidence.base is None else _small_fall(evidence, evidence.base)


def _small_fall(evidence: Evidence, base: float) -> Symptom:
    learned = evidence.between(evidence.curve[0], evidence.best)
    share = ratio(learned.estimate, base)
    advice = f"{_sources(learned)} cannot tell whether a fall of {share:.1%} is real: {_MORE_ROWS}."
    reason = _reason("detectable_fall", evidence, learned, (base, LEARNED), advice)
    return Symptom(not learned.low >= LEARNED * base, None, reason)


def _small_rise(evidence: Evidence) -> Symptom:
    risen = rise_contrasts(evidence)[-1]
    smallest = ratio(risen.detectable, evidence.best.val)
    sees = "no rise at all" if math.isnan(smallest) else f"no rise below {smallest:.1%}"
    enough = math.inf if math.isnan(smallest) else risen.clusters * (smallest / RISE) ** 2
    need = f"data.val_size={math.ceil(enough)}" if math.isfinite(enough) else _MORE_ROWS
    advice = f"{_sources(risen)} can show {sees}; to show one of {RISE:.0%}: {need}."
    reason = Reason("detectable_rise", smallest, None, RISE, risen.clusters, advice)
    return Symptom(not smallest <= RISE, None, reason)


_MORE_ROWS = "raise data.val_size, with rows from more sources"


def _sources(measured: Contrast) -> str:
    one = measured.clusters == 1
    return f"{measured.clusters} independent validation row{'' if one else 's'}"


def _rise_advice(evidence: Evidence, shown: bool) -> str:
    best, last = evidence.best, evidence.tuned[-1]
    if best == last:
        return f"The validation loss is lowest at the last epoch, {last.epoch}: {last.val:.3f}."
    share = ratio(last.val - best.val, best.val)
    return (
        f"The validation loss is lowest at epoch {best.epoch} ({best.val:.3f}) and {share:.1%} "
        f"higher at epoch {last.epoch}"
        + (f": train.epochs={best.epoch}, or more rows." if shown else ", no rise past doubt.")
    )


def _slope_weights(curve: Sequence[Point], last: int) -> Float[np.ndarray, " points"]:
    """What turns the curve into the fall per epoch of a straight line through its end."""
    epochs = np.array([point.epoch for point in curve[-last:]], dtype=float)
    centred = epochs - epochs.mean()
    return np.concatenate([np.zeros(len(curve) - last), -centred / np.square(centred).sum()])


def _reason(
    name: str, evidence: Evidence, measured: Contrast, scale: tuple[float, float], advice: str
) -> Reason:
    """A reason in shares of a loss; `scale` is that loss and the threshold's share of it."""
    whole, threshold = scale
    share = ratio(measured.estimate, whole)
    known = not math.isnan(measured.error)
    interval = (ratio(measured.low, whole), ratio(measured.high, whole)) if known else None
    return Reason(name, share, interval, threshold, measured.clusters, advice)


def _certainty(evidence: Evidence, measured: Contrast, threshold: float) -> float | None:
    if math.isnan(measured.error):
        return None
    return measured.certainty_above(threshold)


def values(curve: Sequence[Point]) -> Float[np.ndarray, " points"]:
    return np.array([point.val for point in curve], dtype=float)


def ratio(part: float, whole: float) -> float:
    """The part's share of the whole: a part of nothing is infinite, nothing of nothing is 0."""
    if whole > 0 or math.isnan(part):
        return float(part / whole) if whole > 0 else math.nan
    return math.copysign(math.inf, part) if part else 0.0
