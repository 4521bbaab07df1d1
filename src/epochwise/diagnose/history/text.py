"""Rows of text files: JSON, JSON lines, the console log of HF's Trainer, CSV and TSV."""

import ast
import csv
import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from epochwise.diagnose.history.axis import Row
from epochwise.diagnose.history.numeral import number

BRACES = re.compile(r"\{[^{}]{1,20000}\}")
UNWRITABLE = re.compile(r"(?<=[:\s])-?\b(nan|inf)\b(?=\s*[,}])")  # not Python literals
DEEPEST = 6  # levels of a JSON file in which losses are looked for


def json_document(text: str) -> Any:
    """The one JSON value that the text is; None where it is none.

    Raises:
        ValueError: It is nested deeper than can be read.
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("found JSON that is nested too deep; give lists of numbers") from None
    except ValueError:
        return None


def json_lines(text: str) -> list[Any]:
    """The values of lines that are all JSON objects but for a torn last one; else none."""
    lines = [line for line in text.splitlines() if line.strip()]
    found = [json_document(line) if line.lstrip().startswith("{") else None for line in lines]
    whole = found[:-1] if found and found[-1] is None else found
    return whole if whole and all(isinstance(value, dict) for value in whole) else []


def console_rows(text: str) -> list[Row]:
    """The dicts in Python's syntax that the lines hold, where a loss is among their keys."""
    found: list[Row] = []
    for match in BRACES.finditer(text):
        if "loss" in match.group():
            row = _literal(UNWRITABLE.sub(lambda word: f"'{word.group()}'", match.group()))
            found += [row] if isinstance(row, dict) else []
    return found


def _literal(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None  # other braces than a dict's: progress bars, code


def table_rows(text: str) -> list[Row]:
    """The rows of a table with a header line; its delimiter is the header's most frequent one.

    Raises:
        ValueError: It is no table.
    """
    header = text.partition("\n")[0]
    delimiter = max(",\t;|", key=header.count)
    try:
        rows = list(csv.reader(text.splitlines(), delimiter=delimiter))
    except csv.Error as error:
        raise ValueError(f"found no table: {error}") from None
    names = [name.strip() for name in rows[0]] if rows else []
    if len(rows) < 2 or all(number(name) is not None for name in names):
        raise ValueError("found no header line that names columns")
    point = str.maketrans(",", ".") if delimiter == ";" else {}
    return [
        {name: cell.translate(point) for name, cell in zip(names, row, strict=False) if name}
        for row in rows[1:]
    ]


def document_rows(document: Any) -> list[Row]:
    """The rows of a JSON value: a list of objects, or lists of numbers under names, at any level.

    Raises:
        ValueError: There are none.
    """
    for value in _levels(document, DEEPEST):
        if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
            return [{str(k): v for k, v in item.items()} for item in value]
        if isinstance(value, dict):
            series = {str(name): item for name, item in value.items() if _is_series(item)}
            if series:
                return _named(series)
    raise ValueError("found JSON without lists of numbers or of objects")


def _levels(value: Any, depth: int) -> Iterator[Any]:
    """The value and what it holds, outer levels first."""
    level = [value]
    for _ in range(depth):
        yield from level
        inner = [item for outer in level if isinstance(outer, dict) for item in outer.values()]
        level = [item for item in inner if isinstance(item, dict | list)]


def _is_series(value: Any) -> bool:
    if not isinstance(value, list) or not value:
        return False
    if all(isinstance(item, dict) for item in value):
        return True
    pairs = all(isinstance(item, list) and len(item) == 2 for item in value)
    return pairs or any(number(item) is not None for item in value)


def _named(series: dict[str, Any]) -> list[Row]:
    """Rows of series that lie on one axis, or of each by itself where it brings its own."""
    own = [name for name, values in series.items() if isinstance(values[0], dict | list)]
    if own:
        return [row for name in own for row in _with_axis(name, series[name])]
    lengths = {name: len(values) for name, values in series.items()}
    if len(set(lengths.values())) == 1:
        return [
            dict(zip(series, values, strict=True)) for values in zip(*series.values(), strict=True)
        ]
    fewest = min(lengths.values())
    rows = [
        ((i + 1) / lengths[name] * fewest, name, value)
        for name, values in series.items()
        for i, value in enumerate(values)
    ]
    rows.sort(key=lambda row: row[0])
    return [{"epoch": at, name: value} for at, name, value in rows]


def _with_axis(name: str, values: Sequence[Any]) -> Iterator[Row]:
    for value in values:
        if isinstance(value, dict):
            axis = {k: v for k, v in value.items() if re.search("epoch|step|iter", str(k))}
            rest = {f"{name}/{k}": v for k, v in value.items() if k not in axis}
            yield {str(k): v for k, v in axis.items()} | rest
        elif isinstance(value, list) and len(value) == 2:
            yield {"step": value[0], name: value[1]}
