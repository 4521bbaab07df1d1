"""A file, or a folder of files of one kind, to records; the kind is told by the suffix."""

import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

from epochwise.data.arrow_file import arrow, parquet
from epochwise.data.formats import Record
from epochwise.data.json_file import json_array, json_lines
from epochwise.data.problems import DataError, Problems, nearest
from epochwise.data.table_file import csv_table, tsv_table
from epochwise.data.text_file import markdown, paragraphs

READERS: dict[str, Callable[[Path, Problems], Iterator[Record]]] = {
    ".json": json_array,
    ".jsonl": json_lines,
    ".ndjson": json_lines,
    ".csv": csv_table,
    ".tsv": tsv_table,
    ".parquet": parquet,
    ".arrow": arrow,
    ".feather": arrow,
    ".txt": paragraphs,
    ".md": markdown,
}
PACKED = ".gz"
NO_DATA = ("readme", "license", "licence")  # names of what lies beside data


def records(path: Path, problems: Problems) -> Iterator[Record]:
    """Every record, one after the other; what is wrong with the others is noted.

    Raises:
        DataError: A file is missing, is of no known kind, cannot be read, or holds nothing.
    """
    for file in data_files(path):
        yield from _records(file, problems)


def data_files(path: Path) -> list[Path]:
    """The file, or all of the folder's, sorted by name."""
    if path.is_dir():
        return _inside(path)
    if fault := _fault(path):
        raise DataError([f"data.path={path}: {fault}"])
    return [path]


def kind(path: Path) -> str:
    """The suffix that tells how a file is read, without the one of its packing."""
    name = path.name.lower().removesuffix(PACKED)
    return Path(name).suffix


def _records(path: Path, problems: Problems) -> Iterator[Record]:
    before = len(problems.lines)
    held = False
    try:
        for record in READERS[kind(path)](path, problems):
            held = True
            yield record
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError([f"{path.name} cannot be read: {reason}"]) from error
    if not held and len(problems.lines) == before:
        raise DataError([f"{path.name} holds no rows"])


def _inside(folder: Path) -> list[Path]:
    every = [file for file in sorted(folder.rglob("*")) if file.is_file() and not _is_beside(file)]
    found = [file for file in every if kind(file) in READERS]
    kinds = sorted({kind(file) for file in found})
    if not found:
        raise DataError(
            [f"data.path={folder}: holds no data file; expected files of {sorted(READERS)}"]
        )
    if len(kinds) > 1:
        first = [next(file.name for file in found if kind(file) == one) for one in kinds]
        raise DataError(
            [
                f"data.path={folder}: holds files of several kinds, such as {first}: name one file,"
                " or put each kind into a folder of its own"
            ]
        )
    if empty := [file.name for file in found if file.stat().st_size == 0]:
        raise DataError([f"data.path={folder}: {name} is empty: remove it" for name in empty])
    return found


def _is_beside(file: Path) -> bool:
    return file.name.startswith(".") or file.stem.lower() in NO_DATA


def _fault(path: Path) -> str:
    if not path.parent.is_dir():
        return f"there is no folder {path.parent}"
    if path.exists() and not path.is_file():
        return "is neither a file nor a folder: give the path of a file"
    if not path.is_file():
        there = [child.name for child in path.parent.iterdir()]
        return f"there is no such file{nearest(path.name, there)}"
    if kind(path) not in READERS:
        return f"unknown suffix {path.suffix!r}, expected one of {sorted(READERS)}"
    return "the file is empty" if path.stat().st_size == 0 else ""
