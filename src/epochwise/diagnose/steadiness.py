"""Whether a loss bounces or jumps more than its own noise would."""

import math

import numpy as np
from jaxtyping import Float

from epochwise.diagnose.case import Case
from epochwise.diagnose.course import Course
from epochwise.diagnose.symptom import RISE, Reason, Symptom
from epochwise.diagnose.trace import FILTERED_FROM, OUTLYING, QUARTER, Trace, finite, outliers
from epochwise.diagnose.unimodal import autocorrelation

WINDOW = 128  # steps that a spike is held against, past ones only: OLMo-core's SkipStep
BOUNCE = 0.10  # of the loss. A mean over 100 rows has an error of a tenth where the rows' losses
# scatter as much as they are high; the same rows measured twice scatter less.
PERIODIC = -0.3  # lag-1 autocorrelation of a step size that overshoots, diagnosis.md 3.9
SURE = 1.645


def instability(case: Case) -> Symptom:
    """Whether the loss oscillates, or spiked, in validation or between training steps."""
    tests = [_oscillation(case), _spikes(case.history.val, "validation"), _step_spikes(case)]
    return next((test for test in tests if test.shown), tests[0])


def _oscillation(case: Case) -> Symptom:
    course = case.course
    residuals = course.noise.residuals
    share = course.noise.deviation / max(abs(float(np.median(course.smoothed))), 1e-300)
    likeness = autocorrelation(residuals)
    sure = SURE / math.sqrt(len(residuals))
    flips = likeness < PERIODIC - sure and share > RISE
    waves = likeness > 0.5 + sure and course.noise.deviation > BOUNCE * course.gained > 0
    large = course.noise.deviation > QUARTER * abs(course.gained) and share > BOUNCE
    enough = case.count > 5 and case.validated
    shown = enough and (flips or large or (waves and share > RISE))
    pattern = "from one evaluation to the next" if flips else "around its course"
    advice = (
        f"The loss bounces by {share:.0%} {pattern}: lower the learning rate, or evaluate on "
        "more rows if there are fewer than 100."
        if shown
        else f"The loss scatters by {share:.1%} around its course."
    )
    return Symptom(shown, None, Reason("oscillation", share, None, BOUNCE, case.count, advice))


def _spikes(trace: Trace, name: str) -> Symptom:
    heights = outliers(trace.losses)
    ups = np.flatnonzero(heights > 0)
    return _told(ups, trace, name)


def _step_spikes(case: Case) -> Symptom:
    kept = finite(case.history.train)
    return _told(step_spikes(kept.losses), kept, "training")


def step_spikes(losses: Float[np.ndarray, " steps"]) -> np.ndarray:
    """The steps at which a loss starts to lie 6 robust deviations above those before it.

    And by a quarter of what training had gained: losses of small batches have heavy tails.
    """
    window = min(WINDOW, max(FILTERED_FROM, len(losses) // 4))
    if len(losses) < 2 * window:
        return np.empty(0, dtype=int)
    past = np.lib.stride_tricks.sliding_window_view(losses, window)[:-1]
    middle = np.median(past, axis=1)
    scale = 1.4826 * np.median(np.abs(past - middle[:, None]), axis=1)
    gained = np.median(losses[:window]) - np.minimum.accumulate(middle)
    height = losses[window:] - middle
    high = (height > OUTLYING * scale) & (height > QUARTER * np.maximum(gained, 0)) & (scale > 0)
    high &= height > QUARTER * np.abs(middle)
    starts = high & ~np.concatenate([[False], high[:-1]])
    return np.flatnonzero(starts) + window


def _told(spikes: np.ndarray, trace: Trace, name: str) -> Symptom:
    count = len(spikes)
    if not count:
        return Symptom(False, None, Reason("spikes", 0.0, None, 1.0, len(trace.losses), ""))
    first = trace.at[spikes[0]]
    many = "1 spike" if count == 1 else f"{count} spikes"
    end = np.median(trace.losses[-FILTERED_FROM:])
    course = Course(trace)
    back = end < course.low + QUARTER * max(course.gained, 0.0)
    how = "and came back" if back else "and did not come back"
    advice = (
        f"The {name} loss had {many}, the first at {first:.6g}, {how}: clip gradients at a "
        "lower norm, or look at the rows of those steps."
    )
    return Symptom(True, None, Reason("spikes", float(count), None, 1.0, len(trace.losses), advice))
