"""JSON files: one list of objects, or an object a line."""

import json
import re
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

from epochwise.data.formats import Record, described
from epochwise.data.problems import DataError, Problems
from epochwise.data.text_file import lines, whole

SPACE = re.compile(r"[ \t\r\n]*")
TWO_OBJECTS = re.compile(r"\}[ \t\r]*\n[ \t\r\n]*\{")  # an object a line, in a file named .json


class RepeatedKeyError(ValueError):
    """An object names one key twice, so that a value would be lost."""


def json_lines(path: Path, problems: Problems) -> Iterator[Record]:
    for number, line in lines(path, problems):
        place = f"{path.name} line {number}"
        try:
            item = DECODER.decode(line.strip()) if line.strip() else None
        except (ValueError, RecursionError) as error:
            problems.note(f"{place}: {_fault(error)}")
            continue
        if line.strip():
            yield from _object(place, item, problems)


def json_array(path: Path, problems: Problems) -> Iterator[Record]:
    """The objects of a list, each decoded when its turn comes; of a file of lines, its lines."""
    text = whole(path)
    start = _after_space(text, 0)
    if text.startswith("{", start) and TWO_OBJECTS.search(text, start):
        del text
        yield from json_lines(path, problems)
        return
    if not text.startswith("[", start):
        raise DataError([f"{path.name} {_no_list(text[start:])}"])
    end = yield from _items(path.name, text, _after_space(text, start + 1), problems)
    if end and (rest := text[end:].strip()):
        problems.note(f"{path.name} is not JSON: after its list stands {rest[:20]!r}: remove it")


def _items(name: str, text: str, start: int, problems: Problems) -> Generator[Record, None, int]:
    """The objects of a list that begins at `start`; returns where it ends, 0 if it is broken."""
    number = 0
    while number or not text.startswith("]", start):
        number += 1
        place = f"{name} row {number}"
        try:
            item, end = DECODER.raw_decode(text, start)
        except (ValueError, RecursionError) as error:
            problems.note(f"{place}: {_fault(error)}; the rest of the file cannot be read")
            return 0
        yield from _object(place, item, problems)
        start = _after_space(text, end)
        if text.startswith("]", start):
            break
        if not text.startswith(",", start):
            problems.note(f"{place}: is followed by {_shown(text, start)}")
            return 0
        start = _after_space(text, start + 1)
    return start + 1


def _object(place: str, item: Any, problems: Problems) -> Iterator[Record]:
    if isinstance(item, dict):
        yield Record(place, item)
    else:
        problems.note(f"{place}: is {described(item)}, expected an object such as {EXAMPLE}")


def _no_list(text: str) -> str:
    try:
        value = DECODER.decode(text)
    except (ValueError, RecursionError) as error:
        return _fault(error)
    return f"holds {described(value)}, expected a list of objects: [{EXAMPLE}, ...]"


def _fault(error: Exception) -> str:
    if isinstance(error, RepeatedKeyError):
        return str(error)
    if isinstance(error, RecursionError):
        return "is not JSON that can be read: it is nested too deep; remove it"
    remedy = "mend it or remove it"
    if str(error).startswith("Extra data"):
        remedy = "put each object on a line of its own"
    elif "digits" in str(error):
        remedy = "write long numbers in quotes"
    return f"is not JSON: {error}: {remedy}"


def _shown(text: str, start: int) -> str:
    found = f"{text[start : start + 10]!r}" if start < len(text) else "the end of the file"
    return f"{found}, expected ',' or ']': is not JSON; the rest of the file cannot be read"


def _after_space(text: str, start: int) -> int:
    match = SPACE.match(text, start)
    assert match is not None
    return match.end()


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in made if names.count(name) > 1)
        raise RepeatedKeyError(f"has the key {twice!r} twice in one object: remove one of them")
    return made


EXAMPLE = '{"instruction": "...", "output": "..."}'
DECODER = json.JSONDecoder(object_pairs_hook=_unique)
