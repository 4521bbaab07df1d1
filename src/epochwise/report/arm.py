"""Arms of a study: the cells that differ only in rows and epochs, under a name."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from epochwise.diagnose.cells import EPOCHS, SIZE, Cell, cells, word
from epochwise.record import Record


class Arm(NamedTuple):
    label: str
    """What tells it from the study's other arms: `rank 8`, `dora · rank 8`."""
    cells: tuple[Cell, ...]


def arms(records: Sequence[Record]) -> list[Arm]:
    """The arms in the order of their first runs. Nothing is averaged over but the seeds."""
    members: dict[str, list[Cell]] = {}
    for cell in cells(records):
        members.setdefault(cell.without(SIZE, EPOCHS), []).append(cell)
    return [Arm(_label(group[0]), tuple(group)) for group in members.values()]


def _label(cell: Cell) -> str:
    told = [_words(key, value) for key, value in cell.settings.items() if key not in (SIZE, EPOCHS)]
    return " · ".join(words for words in told if words) or _alone(cell.records[0])


def _words(key: str, value: Any) -> str:
    if value is None:  # of a method that does not have the setting
        return ""
    return str(value) if key.endswith(".name") else f"{word(key)} {value}"


def _alone(record: Record) -> str:
    return str(record.settings["peft"]["name"]) if record.rank is None else f"rank {record.rank}"
