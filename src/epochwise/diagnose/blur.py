"""What a curve without rows is too noisy, too short, or not measured to show."""

from epochwise.diagnose.case import FEWEST, Case, least_fall, reason_of
from epochwise.diagnose.symptom import (
    GENERALIZATION_LOSS,
    KEPT,
    LEARNED,
    Reason,
    Symptom,
    ratio,
)
from epochwise.diagnose.trace import QUARTER

MANY = 100  # times: no validation set can be grown as much


def blur(case: Case) -> Symptom | None:
    """What this curve is too noisy, too short, or not measured to show."""
    if not case.validated:
        advice = (
            "Nothing was validated, so overfitting cannot be known: evaluate on rows "
            "that are not trained on, at every epoch."
        )
        return Symptom(True, None, Reason("validations", 0.0, None, 1.0, case.count, advice))
    if case.count < 2 or (case.count < FEWEST and not case.history.based):
        advice = f"{case.count} validation losses tell no course: evaluate {FEWEST} times or more."
        few = Reason("validations", float(case.count), None, float(FEWEST), case.count, advice)
        return Symptom(True, None, few)
    course, risen = case.course, case.course.risen
    if course.learned.error > 0 and course.learned.low <= 0 and not case.training_rows_learned:
        return _small_fall(case)
    share = QUARTER if course.detailed else KEPT
    limit = max(GENERALIZATION_LOSS / 100 * abs(course.low), share * case.gained)
    smallest = ratio(risen.detectable, abs(course.low))
    if course.falls_to_lowest and course.falling.estimate > least_fall(case, case.gained):
        return _untold_end(case)
    shown = risen.detectable > limit
    times = (risen.detectable / limit) ** 2 if shown and limit else 1.0
    rows = (
        f"{times:.0f} times the rows, or as much more often" if times < MANY else "many more rows"
    )
    advice = (
        f"The noise of the validation loss hides any rise below {smallest:.0%}: evaluate on "
        f"{rows}{'' if times < MANY else ', and lower the learning rate'}."
        if shown
        else f"A rise of {smallest:.1%} would have been seen."
    )
    threshold = ratio(limit, abs(course.low))
    return Symptom(
        shown, None, Reason("detectable_rise", smallest, None, threshold, case.count, advice)
    )


def _small_fall(case: Case) -> Symptom:
    learned, start = case.course.learned, abs(case.course.start)
    share = ratio(learned.estimate, start)
    advice = f"The noise hides whether the fall of {share:.1%} is real: evaluate on more rows, or "
    advice += "more often."
    return Symptom(
        True, None, reason_of("detectable_fall", learned, (start, LEARNED), case, advice)
    )


def _untold_end(case: Case) -> Symptom:
    falling, low = case.course.falling, abs(case.course.low)
    share = ratio(falling.estimate, low)
    advice = f"At the end the validation loss fell by {share:.1%}, which may be noise: train "
    advice += "longer, or evaluate on more rows, to tell whether it has converged."
    least = ratio(least_fall(case, case.gained), low)
    return Symptom(True, None, reason_of("improvement", falling, (low, least), case, advice))
