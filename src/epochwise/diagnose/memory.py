"""What curves tell about rows learnt by heart, or seen before they were asked."""

import math
from statistics import NormalDist

import numpy as np
from jaxtyping import Float

from epochwise.diagnose.case import FEWEST, Case
from epochwise.diagnose.noise import LEVEL
from epochwise.diagnose.symptom import KEPT, RISE, Reason, Symptom
from epochwise.diagnose.trace import History, finite

STRIP = 20  # training losses on either side of an epoch's end, at most a quarter of an epoch
FEWEST_IN_STRIP = 3


def memorisation(case: Case) -> Symptom | None:
    """Whether training losses drop where epochs begin, and end below half the validation loss.

    Both together: rows that are met a second time cost less from the first batch of the new
    epoch on. The level alone says nothing: easy rows have low losses too.
    """
    drops = boundary_drops(case.history)
    fitted = case.fitted
    if drops is None or fitted is None or not case.validated:
        return None
    drop, error, count = drops
    far = fitted.end < KEPT * case.course.low
    sure = drop > NormalDist().inv_cdf(LEVEL) * error
    level = max(abs(fitted.low), abs(fitted.end))
    shown = far and sure and drop > RISE * level
    share = drop / level if level else 0.0
    advice = f"The training loss drops by {share:.0%} of its last level where an epoch begins"
    advice += (
        " and ends below half the validation loss: rows are learnt by heart; train fewer epochs."
        if shown
        else "."
    )
    reach = NormalDist().inv_cdf(LEVEL) * error
    interval = ((drop - reach) / level, (drop + reach) / level) if level else None
    confidence = NormalDist().cdf(drop / error) if error > 0 else None
    return Symptom(shown, confidence, Reason("boundary_drop", share, interval, RISE, count, advice))


def boundary_drops(history: History) -> tuple[float, float, int] | None:
    """The mean fall across an epoch's end, beyond the trend, its error, and how many there are."""
    ends, steps = history.boundaries, finite(history.train)
    if ends is None:
        return None
    found = []
    for begin, end, after in zip(ends[:-2], ends[1:-1], ends[2:], strict=True):
        before = steps.losses[(steps.at > begin) & (steps.at <= end)]
        later = steps.losses[(steps.at > end) & (steps.at <= after)]
        strip = min(STRIP, min(len(before), len(later)) // 4)
        if strip >= FEWEST_IN_STRIP:
            found.append(_drop(before, later, strip))
    if not found:
        return None
    drops, variances = np.array(found).T
    return float(drops.mean()), math.sqrt(float(variances.sum())) / len(found), len(found)


def _drop(
    before: Float[np.ndarray, " earlier"], later: Float[np.ndarray, " later"], strip: int
) -> tuple[float, float]:
    """The fall between the strips on both sides, less what the epochs' own slopes explain."""
    slopes = [_slope(before), _slope(later)]
    fall = float(before[-strip:].mean() - later[:strip].mean())
    fall += sum(slope for slope, _ in slopes) / 2 * strip
    scatter = float(before[-strip:].var(ddof=1) + later[:strip].var(ddof=1)) / strip
    return fall, scatter + strip**2 * sum(error**2 for _, error in slopes) / 4


def _slope(losses: Float[np.ndarray, " steps"]) -> tuple[float, float]:
    """The straight line's rise per step, and its standard error."""
    steps = np.arange(len(losses)) - (len(losses) - 1) / 2
    power = float(np.square(steps).sum())
    slope = float(steps @ losses) / power
    rest = losses - losses.mean() - slope * steps
    return slope, math.sqrt(float(np.square(rest).sum()) / (len(losses) - 2) / power)


def leak(case: Case) -> Symptom | None:
    """Whether validation lies below the training rows throughout, measured alike.

    Where the base model is known, validation also has to have fallen by the larger share: rows
    that are merely easier do not do that.
    """
    val, probe = case.history.val.losses, case.history.probe.losses
    based = int(case.history.based)
    if len(probe) - based < FEWEST or not np.isfinite(probe).all() or probe.min() <= 0:
        return None
    below = 1 - val[based:] / probe[based:]
    if based:
        below = np.minimum(below, 1 - (val[1:] / val[0]) / (probe[1:] / probe[0]))
    least = float(below.min())
    shown = least > 0 and float(np.median(below)) >= RISE
    advice = f"Validation lies {least:.1%} or more below the training rows"
    advice += " from the start: look for validation rows among the training data." if shown else "."
    return Symptom(shown, None, Reason("below_training", least, None, 0.0, len(below), advice))
