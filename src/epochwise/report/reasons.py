"""What a verdict rests on, in the reader's language."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from epochwise.diagnose.symptom import LEARNED, RISE, training_rows_learned
from epochwise.record import JSON, Point, Record
from epochwise.report.document import number
from epochwise.report.language import Words

Told = tuple[str, dict[str, Any]]  # key of the catalogue below `reason.NAME`, and its numbers


class Line(NamedTuple):
    advice: str
    language: str
    """en where diagnosis' own sentence had to do."""
    measured: str


class Reasons(NamedTuple):
    confidence: float | None
    flags: tuple[str, ...]
    """What shows beside the headline."""
    lines: tuple[Line, ...]


class Case(NamedTuple):
    """One reason of a run's verdict."""

    record: Record
    verdict: JSON
    reason: JSON

    @property
    def share(self) -> float:
        """The statistic; NaN where it was not finite."""
        found = self.reason["statistic"]
        return math.nan if found is None else float(found)

    @property
    def best(self) -> Point:
        tuned = [point for point in self.record.curve if point.epoch > 0]
        return min(tuned, key=lambda point: (math.isnan(point.val), point.val))

    @property
    def last(self) -> Point:
        return self.record.curve[-1]


def reasons(record: Record, words: Words) -> Reasons:
    """Diagnosis writes English; in other languages its numbers are told anew, the main ones."""
    verdict = record.verdict
    if verdict is None:
        return Reasons(None, (), ())
    named = (words.texts.get(f"flag.{name}", name.replace("_", " ")) for name in verdict["flags"])
    lines = (_line(Case(record, verdict, reason), words) for reason in verdict["reasons"])
    return Reasons(verdict["confidence"], tuple(named), tuple(lines))


def _line(told: Case, words: Words) -> Line:
    tell = TELL.get(told.reason["name"])
    measured = _measured(told.reason, words)
    if words.code == "en" or tell is None:
        return Line(told.reason["advice"], "en", measured)
    key, values = tell(told)
    return Line(words(f"reason.{told.reason['name']}.{key}", **values), words.code, measured)


def _measured(reason: JSON, words: Words) -> str:
    name = reason["name"]
    values = {
        "name": words.texts.get(f"reason.{name}.name", name.replace("_", " ")),
        "statistic": number(reason["statistic"]),
        "threshold": number(reason["threshold"]),
        "n": reason["n"],
    }
    if not reason["interval"]:
        return words("reason.measured", **values)
    low, high = (number(end) for end in reason["interval"])
    return words("reason.measured_within", low=low, high=high, **values)


def _not_finite(told: Case) -> Told:
    first = next(p.epoch for p in told.record.curve if not math.isfinite(p.val))
    return ("run" if first else "base", {"epoch": first})


def _above_base(told: Case) -> Told:
    key = "lost" if told.verdict["verdict"] == "diverged" else "apart"
    return key, {"share": f"{told.share:+.1%}"}


def _learned(told: Case) -> Told:
    values = {"share": f"{-told.share:+.1%}", "epoch": told.best.epoch}
    high = (told.reason["interval"] or (None, None))[1]
    level = high is not None and high < told.reason["threshold"]
    if told.verdict["verdict"] != "no_learning" and not level:
        return "lowest", values
    return ("rows" if training_rows_learned(told.record.curve) else "nothing"), values


def _rise(told: Case) -> Told:
    best, last = told.best, told.last
    values = {"epoch": best.epoch, "loss": f"{best.val:.3f}"}
    if best == last:
        return "last", values
    share = f"{(last.val - best.val) / best.val:.1%}"
    return ("risen" if _is_sure(told) else "doubtful"), values | {
        "share": share,
        "last": last.epoch,
    }


def _is_sure(told: Case) -> bool:
    """Whether diagnosis took the rise for one: also a run that diverged may have risen first."""
    if told.verdict["verdict"] == "overfit_loss":
        return True
    curve, interval = told.record.curve, told.reason["interval"]
    learnt = told.best.val < (1 - LEARNED) * curve[0].val or training_rows_learned(curve)
    past_doubt = interval is not None and interval[0] is not None and interval[0] > 0
    return learnt and past_doubt and told.share >= RISE


def _slope(told: Case) -> Told:
    values = {"nats": f"{abs(told.share * told.best.val):.3f}", "next": 2 * told.last.epoch}
    if told.verdict["verdict"] == "still_improving":
        return "longer", values
    return ("falls" if told.share >= 0 else "rises"), values


def _small_fall(told: Case) -> Told:
    return "few", {"n": told.reason["n"], "share": f"{told.share:.1%}"}


def _small_rise(told: Case) -> Told:
    n, limit = told.reason["n"], f"{RISE:.0%}"
    if not math.isfinite(told.share):
        return "none", {"n": n, "limit": limit}
    enough = math.ceil(n * (told.share / RISE) ** 2)
    return "some", {"n": n, "share": f"{told.share:.1%}", "limit": limit, "rows": enough}


def _canary(told: Case) -> Told:
    key = "exposed" if told.share > told.reason["threshold"] else "chance"
    return key, {"n": told.reason["n"], "bits": f"{told.share:.1f}"}


TELL: dict[str, Callable[[Case], Told]] = {
    "points_not_finite": _not_finite,
    "epochs_measured": lambda told: ("none", {}),
    "end_above_base": _above_base,
    "learned_share": _learned,
    "rise": _rise,
    "improvement": _slope,
    "detectable_fall": _small_fall,
    "detectable_rise": _small_rise,
    "canary_exposure": _canary,
    # of flags, which are told where they show:
    "boundary_drop": lambda told: ("shown", {"share": f"{told.share:.0%}"}),
    "membership_auc": lambda told: ("shown", {"share": f"{told.share:.0%}"}),
    "oscillation": lambda told: ("shown", {}),
    "spikes": lambda told: ("shown", {"count": round(told.share)}),
    "below_training": lambda told: ("shown", {"share": f"{told.share:.1%}"}),
    "forgetting": lambda told: ("shown", {"nats": f"{told.share:+.3f}"}),
    "refitted_rise": lambda told: ("shown", {"share": f"{told.share:.1%}"}),
}
