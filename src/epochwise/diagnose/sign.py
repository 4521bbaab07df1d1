"""The tests behind a verdict where only a curve is known, of any tool, on any axis.

What a change has to be worth is told in shares of losses, so that neither the unit of the loss
nor that of the axis matters; whether it is real is asked of the curve's own noise.
"""

import numpy as np

from epochwise.diagnose.case import FEWEST, Case, least_fall, reason_of
from epochwise.diagnose.course import Difference
from epochwise.diagnose.symptom import JUMP, LEARNED, RISE, Reason, Symptom, ratio
from epochwise.diagnose.trace import History, finite

NOTHING = 0.10  # of the first loss: where noise hides no larger fall, none seen is none
FAR_ABOVE = 2.0  # times the first loss, where that may be of a model that has learnt already


def divergence(case: Case) -> Symptom:
    """Whether the loss ended above where it began, or the training rows lost their fit with it."""
    course, above = case.course, case.course.end_above_start
    worse = above.low > 0 and above.estimate >= RISE * abs(course.start)
    risen = course.risen.low > 0 and course.risen.estimate >= case.least
    if case.fitted is None:
        shown = worse and _left(case)
    else:
        lost = case.training_fit_is_lost
        shown = lost and (worse or (risen and case.training_rows_learned))
    share = ratio(above.estimate, abs(course.start))
    advice = f"The last {case.name} is {share:+.1%} from the first"
    advice += (
        ", and what was learnt is lost: lower the learning rate, by 10 times first."
        if shown
        else "."
    )
    reason = reason_of("end_above_start", above, (course.start, RISE), case, advice)
    return Symptom(shown, above.confidence, reason)


def _left(case: Case) -> bool:
    """Whether a validation loss tells divergence by itself.

    It does where the base model's loss is known and was never bettered, or where it jumped and
    stayed far up. A steady rise from the first epoch on is how overfitting looks as well.
    """
    course, based = case.course, case.history.based
    if based and course.gained < LEARNED * abs(course.start):
        return True
    losses = course.points.losses
    changes = np.diff(losses)
    floor = losses[0] + (0 if based else (FAR_ABOVE - 1) * abs(losses[0]))
    return any(
        changes[i] > JUMP * np.abs(changes[:i]).max() and losses[i + 1 :].min() > floor
        for i in range(2, len(changes))
    )


def level(case: Case) -> Symptom:
    """Whether the loss has stayed where it was."""
    course, learned = case.course, case.course.learned
    start = abs(course.start)
    elsewhere = case.validated and not case.history.based and case.training_rows_learned
    hidden = (
        learned.low <= LEARNED * start
        and learned.error > 0
        and learned.detectable < NOTHING * start
    )
    few = case.count < FEWEST and not case.history.based
    shown = not elsewhere and not few and (learned.estimate <= LEARNED * start or hidden)
    share = ratio(learned.estimate, start)
    advice = f"The lowest {case.name} is {share:.1%} below the first"
    if shown and case.training_rows_learned:
        advice += " though the training rows are learnt: use more, or more alike, rows"
    elif shown:
        advice += ": raise the learning rate 3 to 10 times, and look whether any token carries loss"
    if shown and not case.history.based:
        advice += " (the untrained model's loss is not in the file; measured before training, "
        advice += "it would tell a model that learnt before the first point)"
    reason = reason_of("learned_share", learned, (start, LEARNED), case, advice + ".")
    most = (LEARNED if learned.estimate <= LEARNED * start else NOTHING) * start
    missing = Difference(most - learned.estimate, learned.error, 1.0)
    return Symptom(shown, missing.confidence, reason)


def rise(case: Case) -> Symptom | None:
    """Whether the validation loss rose after its lowest point, in a model that had learnt."""
    if not case.validated or case.count < 2:
        return None
    course, risen = case.course, case.course.risen
    learned = (
        not case.history.based
        or course.gained > LEARNED * abs(course.start)
        or case.training_rows_learned
    )
    shown = learned and risen.low > 0 and risen.estimate >= case.least
    share = ratio(risen.estimate, abs(course.low))
    best = lowest(case.history)
    place = f"{case.history.axis} {best:.6g}"
    if best == case.history.val.at[-1]:
        advice = f"The validation loss is lowest at the end, {place}."
    else:
        advice = f"The validation loss is lowest at {place} and ends {share:.1%} higher"
        whole = case.history.axis == "epoch" and best == round(best)
        stop = f"stop there{f' (train.epochs={best:.0f})' if whole else ''}"
        advice += f": {stop}, or use more rows." if shown else ", no rise past doubt."
    scale = (abs(course.low), case.least / abs(course.low) if course.low else 0.0)
    return Symptom(
        shown, risen.confidence, reason_of("generalization_loss", risen, scale, case, advice)
    )


def slope(case: Case) -> Symptom | None:
    """Whether the last third was still falling: converged, still improving, or untold.

    A fall counts from half a percent, and from what an exponential decay that has settled (three
    time constants over the curve) still falls in that stretch; so a straight fall always counts,
    in whatever unit the axis is.
    """
    if case.count < 2:
        return None
    course, falling = case.course, case.course.falling
    least = least_fall(case, course.gained)
    reach = falling.high - falling.estimate
    shown = course.falls_to_lowest and falling.estimate - reach > least
    rate = ratio(falling.estimate, abs(course.low))
    way = "falls" if falling.estimate >= 0 else "rises"
    advice = f"Over the last {course.window_share:.0%} of training the {case.name} {way} by "
    advice += f"{abs(rate):.1%}"
    if shown:
        advice += ": train longer, twice as long next."
    elif falling.high < least:
        advice += ": it has converged." if falling.estimate > -least else ": it no longer falls."
    else:
        advice += ", which may be noise: nobody can tell whether it has converged."
    interval = (falling.estimate - reach, falling.high)
    bounds = tuple(ratio(bound, abs(course.low)) for bound in interval)
    known = (bounds[0], bounds[1]) if falling.error > 0 else None
    threshold = ratio(least, abs(course.low))
    reason = Reason("improvement", rate, known, threshold, case.count, advice)
    beyond = Difference(falling.estimate - least, falling.error, 1.0)
    return Symptom(shown, beyond.confidence, reason)


def lowest(history: History) -> float:
    """Where the lowest loss was measured, the base model aside."""
    at, losses = finite(history.judged)
    tuned = slice(int(history.based), None) if len(losses) > 1 else slice(None)
    return float(at[tuned][int(np.argmin(losses[tuned]))])


def without_rise(case: Case) -> float | None:
    """The certainty that any rise is below what counts; None where no noise is seen."""
    risen = case.course.risen
    rest = Difference(case.least - risen.estimate, risen.error, 1.0)
    return rest.confidence if case.validated else None
