"""Alpaca's columns to rows: instruction and output, and what may belong to them."""

import json
import re
from collections.abc import Sequence
from difflib import get_close_matches

from epochwise.data.formats import Record, Row, columns, described, exchange
from epochwise.data.problems import DataError, nearest

COLUMNS = ("instruction", "input", "output", "system", "history", "source", "kind")
REQUIRED = ("instruction", "output")
READ_IF_THERE = ("input", "system", "history")
HALF = re.compile("[\ud800-\udfff]")  # JSON can escape them; no tokenizer can encode them
TYPO = 0.85  # likeness of two column names from which one is taken for a misspelling of the other


def tabular(records: Sequence[Record], renamed: dict[str, str]) -> tuple[list[Row], list[str]]:
    """Rows of Alpaca's columns, and what is wrong with them; `renamed` maps our names to theirs."""
    if faults := _column_faults(columns(records), renamed):
        file = records[0].place.rsplit(" ", 2)[0]  # `my.json row 17`
        raise DataError([f"{file}: {fault}" for fault in faults])
    theirs = {ours: renamed.get(ours, ours) for ours in COLUMNS}
    problems: list[str] = []
    rows = [_Fields(record, theirs, problems).row() for record in records]
    return rows, problems


def filled(records: Sequence[Record], renamed: dict[str, str]) -> list[Record]:
    """The records that have a question and an answer: published sets hold a few without."""
    needed = [renamed.get(ours, ours) for ours in REQUIRED]
    return [r for r in records if not any(_is_blank(r.fields.get(name)) for name in needed)]


def _column_faults(found: list[str], renamed: dict[str, str]) -> list[str]:
    faults = [
        f"data.format names {ours!r}, which is none of {list(COLUMNS)}{nearest(ours, COLUMNS)}"
        for ours in renamed
        if ours not in COLUMNS
    ]
    faults += [
        f"data.format reads {ours!r} from column {theirs!r}, but the columns are {found}"
        f"{nearest(theirs, found)}"
        for ours, theirs in renamed.items()
        if theirs not in found
    ]
    faults += [
        f"column {name!r} is missing; the columns are {found}{nearest(name, found)}"
        f". Name the right one with 'data.format={{{name}: THEIRS}}'"
        for name in REQUIRED
        if name not in renamed and name not in found
    ]
    return faults + _ignored(found, renamed)


def _ignored(found: list[str], renamed: dict[str, str]) -> list[str]:
    """Optional columns that are there under a misspelt name, and would silently not be read."""
    likely = {
        ours: get_close_matches(ours, set(found) - set(renamed.values()), 1, TYPO)
        for ours in READ_IF_THERE
        if ours not in found and ours not in renamed
    }
    return [
        f"column {close[0]!r} would not be read; if it is the {ours}, call it {ours!r} or set"
        f" 'data.format={{{ours}: {close[0]}}}'; if not, call it something else"
        for ours, close in likely.items()
        if close
    ]


class _Fields:
    """One record, read field by field; what is wrong is noted, and reading goes on."""

    def __init__(self, record: Record, names: dict[str, str], problems: list[str]) -> None:
        self.record = record
        self.names = names
        self.problems = problems

    def row(self) -> Row:
        row = exchange(
            self.text("instruction"),
            self.text("output"),
            input=self.optional("input"),
            system=self.optional("system"),
            history=self.history(),
        )
        return row._replace(
            source=self.optional("source"), kind=self.optional("kind"), place=self.record.place
        )

    def text(self, ours: str) -> str:
        text = self.optional(ours)
        name = self.names[ours]
        value = self.record.fields.get(name)
        if _is_blank(value):
            fault = "missing" if value is None else "empty"
            self.note(name, f"is {fault}: fill it in or remove the row")
        return text

    def optional(self, ours: str) -> str:
        name = self.names[ours]
        value = self.record.fields.get(name)
        if value is None:
            return ""
        if not isinstance(value, str):
            self.note(name, f"is {described(value)}, expected text")
            return ""
        if HALF.search(value):
            self.note(name, "holds half a character (a lone surrogate), which is no text")
        return value

    def history(self) -> tuple[tuple[str, str], ...]:
        name = self.names["history"]
        turns = _parsed(self.record.fields.get(name))
        if not isinstance(turns, list):
            self.note(name, f"is {described(turns)}, expected a list of [user, assistant] pairs")
            return ()
        for number, turn in enumerate(turns, 1):
            if not _is_exchange(turn):
                self.note(name, f"turn {number} is {described(turn)}, expected [user, assistant]")
                return ()
        return tuple((user, assistant) for user, assistant in turns)

    def note(self, name: str, fault: str) -> None:
        self.problems.append(f"{self.record.place}: {name} {fault}")


def _is_blank(value: object) -> bool:
    return value is None or isinstance(value, str) and not value.strip()


def _parsed(history: object) -> object:
    """A table's cell holds its history as JSON; what is no JSON stays text, and is refused."""
    if history is None or history == "":
        return []
    if not isinstance(history, str):
        return history
    try:
        return json.loads(history)
    except ValueError:
        return history


def _is_exchange(turn: object) -> bool:
    return (
        isinstance(turn, list)
        and len(turn) == 2
        and all(isinstance(text, str) and text.strip() for text in turn)
    )
