"""What a study cost, what sharing trunks saved, and how near the plan came."""

from collections.abc import Sequence
from typing import NamedTuple

from epochwise.record import Record, Study


class Cost(NamedTuple):
    row_passes: int
    """Rows x epochs."""
    tokens: int
    seconds: float


class Compared(NamedTuple):
    """One quantity as it was planned, and as it came out; None where it is not known."""

    name: str
    planned: float | None
    actual: float | None
    unit: str
    """s, GiB, or nothing for a count."""

    @property
    def ratio(self) -> float | None:
        if not self.planned or self.actual is None:
            return None
        return self.actual / self.planned


QUANTITIES = {  # of the estimate, and its unit
    "seconds": "s",
    "peak_memory": "GiB",
    "disk": "GiB",
    "tokens": "",
    "steps": "",
    "trunks": "",
}


def plan_and_outcome(study: Study) -> list[Compared]:
    """Nothing where no plan was kept with the study."""
    if study.estimate is None:
        return []
    outcome = study.outcome or {}
    return [
        Compared(name, study.estimate[name], outcome.get(name), unit)
        for name, unit in QUANTITIES.items()
    ]


def asked(records: Sequence[Record]) -> Cost:
    """What the runs would have cost one by one."""
    return Cost(
        sum(_row_passes(record) for record in records),
        sum(record.summary.tokens for record in records),
        sum(record.summary.seconds for record in records),
    )


def trained(records: Sequence[Record], study: Study) -> Cost:
    """What they did cost: of each trunk, only the longest run of each size was trained.

    What sizes share of their first passes is not taken off: less than a pass.
    """
    trunks = {run.id: run.trunk for run in study.runs}
    longest = {
        (trunks[record.id], record.settings["data"]["size"]): record
        for record in sorted(records, key=_row_passes)
    }
    return asked(list(longest.values()))


def _row_passes(record: Record) -> int:
    return int(record.settings["data"]["size"] * record.settings["train"]["epochs"])
