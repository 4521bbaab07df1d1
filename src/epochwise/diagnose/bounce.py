"""Whether a loss moves more than the choice of validation rows explains."""

import math

import numpy as np

from epochwise.diagnose.case import Case
from epochwise.diagnose.noise import LEVEL, chi_square
from epochwise.diagnose.symptom import Evidence, Reason, Symptom

BEYOND = 4.0  # times the variance that the rows explain: twice their standard error


def beyond_rows(bounce: Symptom, case: Case, evidence: Evidence) -> Symptom:
    """`bounce`, unless so few rows were measured that others would bounce as much.

    F = scatter of the points around their course / variance of a mean over these rows. Rows that
    each went their own way move their mean; rows that went together are the model's doing.
    """
    if not bounce.shown or bounce.reason.name != "oscillation":
        return bounce
    explained = _explained(evidence)
    scatter = case.course.noise.deviation**2
    if not explained > 0:
        return bounce
    ratio = scatter / explained
    freedom = max(1, len(evidence.curve) - 2)
    interval = (ratio / chi_square(LEVEL, freedom), ratio / chi_square(1 - LEVEL, freedom))
    shown = interval[0] > BEYOND
    advice = bounce.reason.advice
    if not shown:
        advice = "The loss bounces no more than a mean over other validation rows would."
    reason = Reason("oscillation", ratio, interval, BEYOND, case.count, advice)
    return Symptom(shown, bounce.confidence if shown else None, reason)


def _explained(evidence: Evidence) -> float:
    """The variance of one point that the rows' own ways explain: half that of a step's change."""
    pairs = zip(evidence.curve[1:], evidence.curve[:-1], strict=True)
    errors = [evidence.between(later, earlier).error for later, earlier in pairs]
    return float(np.square(errors).mean() / 2) if errors else math.nan
