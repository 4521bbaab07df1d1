"""One record, read field by field; what is wrong is noted, and reading goes on."""

import json
import re
from typing import Any

from epochwise.data.formats import Record, described

NO_TEXT = re.compile("[\ud800-\udfff\0]")


class Fields:
    """A record under our names for its columns, and what is wrong with it."""

    def __init__(self, record: Record, names: dict[str, str]) -> None:
        self.record = record
        self.names = names
        """Ours to theirs, where theirs are others."""
        self.faults: list[str] = []

    def name(self, ours: str) -> str:
        return self.names.get(ours, ours)

    def value(self, ours: str) -> Any:
        return self.record.fields.get(self.names.get(ours, ours))

    def text(self, ours: str) -> str:
        value = self.record.fields.get(self.names.get(ours, ours))
        if value is None or isinstance(value, str) and not value.strip():
            fault = "missing" if value is None else "empty"
            self.note(ours, f"is {fault}: fill it in or remove the row")
            return ""
        return self.said(ours, value)

    def optional(self, ours: str) -> str:
        value = self.record.fields.get(self.names.get(ours, ours))
        return self.said(ours, value) if value not in (None, "") else ""

    def said(self, ours: str, value: object, part: str = "") -> str:
        """The value if it is text; `part` says where in the column it stands."""
        if not isinstance(value, str):
            self.note(ours, f"{part}is {described(value)}, expected text: write it in quotes")
            return ""
        if fault := NO_TEXT.search(value):
            what = "a NUL" if fault[0] == "\0" else "half a character (a lone surrogate)"
            self.note(ours, f"{part}holds {what}, which is no text: remove it")
        return value

    def parsed(self, ours: str) -> Any:
        """The value; a table's cell holds it as JSON, and what is no JSON stays text."""
        return parsed(self.value(ours))

    def note(self, ours: str, fault: str) -> None:
        self.faults.append(f"{self.record.place}: {self.name(ours)} {fault}")


def is_blank(value: object) -> bool:
    return value is None or isinstance(value, str) and not value.strip()


def parsed(value: Any) -> Any:
    """Lists and objects out of JSON text; everything else as it is.

    Example:
        >>> parsed('["a"]'), parsed("[a"), parsed(7)
        (['a'], '[a', 7)
    """
    if not isinstance(value, str) or value.lstrip()[:1] not in ("[", "{"):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value
