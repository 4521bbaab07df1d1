"""The rows of a table file, whatever its form."""

import csv
import json
from pathlib import Path
from typing import Any

Row = dict[str, Any]


def table_rows(path: Path) -> list[Row]:
    """Column -> value, a row each; values are text in CSV, anything in JSON.

    Raises:
        ValueError: The file cannot be read, or has no rows.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: cannot be read as UTF-8 text: {error}") from None
    match path.suffix.lower():
        case ".json":
            rows = _json_rows(path, text)
        case ".jsonl" | ".ndjson":
            lines = enumerate(text.splitlines(), 1)
            rows = [_object(path, line, f"line {n}") for n, line in lines if line.strip()]
        case ".csv" | ".tsv" | ".txt":
            rows = _separated_rows(path, text)
        case other:
            raise ValueError(f"{path}: {other or 'no suffix'}; give .csv, .tsv, .jsonl or .json")
    if not rows:
        raise ValueError(f"{path}: has no rows")
    return rows


def _object(path: Path, text: str, where: str) -> Row:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}, {where}: is no JSON: {error}") from None
    if not isinstance(value, dict):
        raise ValueError(f"{path}, {where}: must be an object of columns, got {text[:40]}")
    return value


def _json_rows(path: Path, text: str) -> list[Row]:
    """A list of objects, or one object of equally long lists."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: is no JSON: {error}") from None
    if isinstance(value, list) and all(isinstance(row, dict) for row in value):
        return value
    lists = list(value.values()) if isinstance(value, dict) else []
    if lists and all(isinstance(x, list) and len(x) == len(lists[0]) for x in lists):
        return [dict(zip(value, row, strict=True)) for row in zip(*lists, strict=True)]
    raise ValueError(f"{path}: must be a list of objects, or an object of equally long lists")


def _separated_rows(path: Path, text: str) -> list[Row]:
    lines = text.splitlines()
    head = lines[0] if lines else ""
    mark = max("\t,;", key=head.count)
    try:
        rows = list(csv.DictReader(lines, delimiter=mark, strict=True))
    except csv.Error as error:
        raise ValueError(f"{path}: is no table: {error}") from None
    longer = [place for place, row in enumerate(rows, 1) if None in row]
    if longer:
        places = ", ".join(map(str, longer))
        raise ValueError(f"{path}: more values than columns in row {places}")
    return rows
