"""Arms of a study: the cells that differ only in rows and epochs, under a name."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from epochwise.diagnose.cells import EPOCHS, SIZE, Cell, cells
from epochwise.record import Record
from epochwise.report.language import Words


class Arm(NamedTuple):
    label: str
    """What tells it from the study's other arms: `rank 8`, `dora · rank 8`."""
    cells: tuple[Cell, ...]


def arms(records: Sequence[Record], words: Words) -> list[Arm]:
    """The arms in the order of their first runs. Nothing is averaged over but the seeds."""
    members: dict[str, list[Cell]] = {}
    for cell in cells(records):
        members.setdefault(cell.without(SIZE, EPOCHS), []).append(cell)
    return [Arm(_label(group[0], words), tuple(group)) for group in members.values()]


def _label(cell: Cell, words: Words) -> str:
    settings = {key: value for key, value in cell.settings.items() if key not in (SIZE, EPOCHS)}
    told = [_told(key, value, words) for key, value in settings.items()]
    return " · ".join(text for text in told if text) or _alone(cell.records[0], words)


def _told(key: str, value: Any, words: Words) -> str:
    if value is None:  # of a method that does not have the setting
        return ""
    return str(value) if key.endswith(".name") else f"{words.axis(key)} {value}"


def _alone(record: Record, words: Words) -> str:
    if record.rank is None:
        return str(record.settings["peft"]["name"])
    return f"{words.axis('peft.r')} {record.rank}"
