"""What a study cost, and what sharing trunks saved."""

from collections.abc import Sequence
from typing import NamedTuple

from epochwise.record import Record, Study


class Cost(NamedTuple):
    row_passes: int
    """Rows x epochs."""
    tokens: int
    seconds: float


def asked(records: Sequence[Record]) -> Cost:
    """What the runs would have cost one by one."""
    return Cost(
        sum(_row_passes(record) for record in records),
        sum(record.summary.tokens for record in records),
        sum(record.summary.seconds for record in records),
    )


def trained(records: Sequence[Record], study: Study) -> Cost:
    """What they did cost: of each trunk, only its longest run was trained."""
    trunks = {run.id: run.trunk for run in study.runs}
    longest = {trunks[record.id]: record for record in sorted(records, key=_row_passes)}
    return asked(list(longest.values()))


def _row_passes(record: Record) -> int:
    return int(record.settings["data"]["size"] * record.settings["train"]["epochs"])
