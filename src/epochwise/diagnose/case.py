"""A finite history to be judged, and what a change in it is worth at least."""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from epochwise.diagnose.course import Course, Difference
from epochwise.diagnose.symptom import (
    GENERALIZATION_LOSS,
    IMPROVEMENT,
    KEPT,
    LEARNED,
    RISE,
    Reason,
    ratio,
)
from epochwise.diagnose.trace import QUARTER, History

FEWEST = 3  # points: two tell no course
SETTLED = 3.0  # time constants: an exponential decay is then over but for 5%


@dataclass(frozen=True)
class Case:
    """A finite history, smoothed once."""

    history: History

    @cached_property
    def course(self) -> Course:
        return Course(self.history.judged)

    @cached_property
    def fitted(self) -> Course | None:
        """The training rows' course; None where fewer than three losses are known."""
        known = np.isfinite(self.history.fitted.losses)
        return Course(self.history.fitted) if known.sum() >= FEWEST else None

    @property
    def validated(self) -> bool:
        return len(self.history.val.losses) > 0

    @property
    def name(self) -> str:
        return "validation loss" if self.validated else "training loss"

    @property
    def count(self) -> int:
        return int(np.isfinite(self.history.judged.losses).sum())

    @property
    def least(self) -> float:
        """What a rise is worth at least: 2% of the lowest loss, and 1% of the first.

        Where the points are too few to show their noise: 5% of the lowest, Prechelt's criterion
        as a detector, and a quarter of what training had gained since its first epoch.
        """
        low, least = abs(self.course.low), LEARNED * abs(self.course.start)
        if self.course.detailed:
            return max(least, RISE * low)
        first = self.course.smoothed[min(int(self.history.based), len(self.course.smoothed) - 1)]
        gained = float(first) - self.course.low
        return max(least, GENERALIZATION_LOSS / 100 * low, QUARTER * gained)

    @property
    def training_rows_learned(self) -> bool:
        course = self.fitted
        return course is not None and course.learned.low > LEARNED * abs(course.start)

    @property
    def gained(self) -> float:
        """What was learnt, of which the training rows may show more: the first validation is late.

        Not so where the base model was validated too.
        """
        seen = self.course.gained
        if self.fitted is None or self.history.based or not self.training_rows_learned:
            return seen
        return max(seen, self.fitted.start - self.course.low)

    @property
    def training_fit_is_lost(self) -> bool:
        """Whether the training rows never gained 1%, ended worse, or lost half of their gain."""
        course = self.fitted
        assert course is not None
        risen = course.risen
        return (
            course.gained <= LEARNED * abs(course.start)
            or course.end_above_start.low > 0
            or risen.low > KEPT * course.gained
        )


def least_fall(case: Case, gained: float) -> float:
    """What the last third has to fall by to count, where `gained` was learnt in all."""
    course = case.course
    share = min(KEPT, _settled(course.window_share))
    return max(IMPROVEMENT * abs(course.low), share * gained)


def _settled(share: float) -> float:
    """What the last `share` of an axis adds to a decay of three time constants.

    >>> round(_settled(1 / 3), 3)
    0.09
    """
    last = math.exp(-SETTLED)
    return (math.exp(-SETTLED * (1 - share)) - last) / (1 - last)


def reason_of(
    name: str, measured: Difference, scale: tuple[float, float], case: Case, advice: str
) -> Reason:
    whole = abs(scale[0])
    bounds = measured.interval
    interval = None if bounds is None else (ratio(bounds[0], whole), ratio(bounds[1], whole))
    return Reason(name, ratio(measured.estimate, whole), interval, scale[1], case.count, advice)
