"""A file to records: JSON, JSON lines, CSV, TSV and Parquet, told apart by their suffix."""

import csv
import json
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

from epochwise.data.formats import Record, described
from epochwise.data.problems import DataError, nearest


class Found(NamedTuple):
    """What a file holds: records that could be read, and what is wrong with the others."""

    records: list[Record]
    problems: list[str]


def records(path: Path) -> Found:
    """Every record of a file.

    Raises:
        DataError: The file is missing, is of no known kind, or holds nothing.
    """
    if fault := _fault(path):
        raise DataError([f"data.path={path}: {fault}"])
    try:
        found = READERS[path.suffix.lower()](path)
    except UnicodeDecodeError as error:
        raise DataError(
            [f"{path.name} is not UTF-8 at byte {error.start}: save it as UTF-8"]
        ) from error
    except OSError as error:
        raise DataError([f"{path.name} cannot be read: {error.strerror or error}"]) from error
    if not found.records and not found.problems:
        raise DataError([f"{path.name} holds no rows"])
    return found


def _fault(path: Path) -> str:
    if path.is_dir():
        names = [child.name for child in sorted(path.iterdir()) if child.suffix in READERS]
        return f"is a folder, expected a file; data files in it: {names[:10]}"
    if not path.parent.is_dir():
        return f"there is no folder {path.parent}"
    if not path.is_file():
        there = [child.name for child in path.parent.iterdir()]
        return f"there is no such file{nearest(path.name, there)}"
    if path.suffix.lower() not in READERS:
        return f"unknown suffix {path.suffix!r}, expected one of {sorted(READERS)}"
    return "the file is empty" if path.stat().st_size == 0 else ""


def _json(path: Path) -> Found:
    try:
        value = json.loads(path.read_text(encoding="utf-8-sig"))
    except (json.JSONDecodeError, RecursionError) as error:
        lines = str(error).startswith("Extra data")
        remedy = "; a file with one object a line must be named .jsonl" if lines else ""
        raise DataError([f"{path.name} is not JSON: {error}{remedy}"]) from error
    if not isinstance(value, list):
        raise DataError([f"{path.name} holds {described(value)}, expected a list of objects"])
    return _objects((f"{path.name} row {number}", item) for number, item in enumerate(value, 1))


def _json_lines(path: Path) -> Found:
    """Lines end at a line feed only: JSON text may hold the other line ends of Unicode."""
    lines = path.read_text(encoding="utf-8-sig").split("\n")
    items: list[tuple[str, Any]] = []
    problems: list[str] = []
    for number, line in enumerate(lines, 1):
        place = f"{path.name} line {number}"
        try:
            items += [(place, json.loads(line))] if line.strip() else []
        except (json.JSONDecodeError, RecursionError) as error:
            problems.append(f"{place}: is not JSON: {error}")
    found = _objects(items)
    return Found(found.records, problems + found.problems)


def _objects(items: Iterable[tuple[str, Any]]) -> Found:
    found = Found([], [])
    for place, item in items:
        if isinstance(item, dict):
            found.records.append(Record(place, item))
        else:
            found.problems.append(f"{place}: is {described(item)}, expected an object")
    return found


def _csv(path: Path) -> Found:
    return _table(path, ",")


def _tsv(path: Path) -> Found:
    return _table(path, "\t")


def _table(path: Path, delimiter: str) -> Found:
    with path.open(encoding="utf-8-sig", newline="") as file:
        try:
            lines = [line for line in csv.reader(file, delimiter=delimiter, strict=True) if line]
        except csv.Error as error:
            raise DataError([f"{path.name} is not a table: {error}"]) from error
    return _records(path.name, *lines) if lines else Found([], [])


def _records(name: str, header: list[str], *lines: list[str]) -> Found:
    if repeated := [column for column, times in Counter(header).items() if times > 1 or not column]:
        raise DataError(
            [f"{name}: its first line must name each column once, got {repeated} in {header}"]
        )
    found = Found([], [])
    for number, line in enumerate(lines, 1):
        place = f"{name} row {number}"
        if len(line) == len(header):
            found.records.append(Record(place, dict(zip(header, line, strict=True))))
        else:
            found.problems.append(
                f"{place}: has {len(line)} cells under {len(header)} columns:"
                " quote text that holds a separator"
            )
    return found


def _parquet(path: Path) -> Found:
    import pyarrow
    from pyarrow import parquet

    try:
        table = parquet.ParquetFile(path).read()
    except pyarrow.ArrowException as error:
        raise DataError([f"{path.name} is not a Parquet file: {error}"]) from error
    return _objects((f"{path.name} row {n}", item) for n, item in enumerate(table.to_pylist(), 1))


READERS: dict[str, Callable[[Path], Found]] = {
    ".json": _json,
    ".jsonl": _json_lines,
    ".csv": _csv,
    ".tsv": _tsv,
    ".parquet": _parquet,
}
