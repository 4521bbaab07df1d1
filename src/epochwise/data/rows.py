"""The rows of an experiment, from wherever its config says: the world, a file, or the hub."""

import hashlib
import json
import logging
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from itertools import chain, islice
from pathlib import Path
from typing import NamedTuple

from epochwise.config import DataConfig
from epochwise.data import files, hub
from epochwise.data.conversations import oasst
from epochwise.data.download import downloaded, is_address
from epochwise.data.fields import Fields
from epochwise.data.formats import Record, Row
from epochwise.data.kept import Kept
from epochwise.data.problems import DataError, Problems
from epochwise.data.recognise import Reading, ignored, reading
from epochwise.world import generator

__all__ = [
    "DataError",
    "Readable",
    "Row",
    "digest",
    "kept",
    "read",
    "readable",
    "records",
    "sources",
]

WORLD = "world"
MIXTURE = "mixture"
HEAD = 1000  # records from which a format is recognised
OWN_KEY = re.compile(r"\bdata\.(path|format)\b")  # which a source has as well
log = logging.getLogger(__name__)


class Readable(NamedTuple):
    rows: list[Row]
    problems: Problems
    """Each begins with the place of its row."""


def read(config: DataConfig) -> list[Row]:
    """Every row, in the order of its file.

    Raises:
        DataError: What is wrong, with the place of every bad row.
    """
    rows: list[Row] = []
    _add(config, rows)
    return rows


def kept(config: DataConfig) -> Sequence[Row]:
    """The same, of which only so many are in memory as it bears.

    Raises:
        DataError: What is wrong, with the place of every bad row.
    """
    rows = Kept()
    _add(config, rows)
    return rows


def readable(config: DataConfig) -> Readable:
    """What `read` would give if the rows it refuses were not there.

    Raises:
        DataError: Nothing can be read as rows.
    """
    problems = Problems()
    rows: list[Row] = []
    try:
        rows += _rows(config, problems)
    except DataError as error:
        problems.lines += error.problems
    if not rows:
        problems.check()
    return Readable(rows, problems)


def records(config: DataConfig) -> Iterator[Record]:
    """Every record of one source that can be read, also those that make no row, in their order."""
    return _records(config, Problems())


def digest(config: DataConfig) -> str:
    """A value that changes with the rows: a hub set is taken at its word, by its path."""
    if config.sources:
        parts = [digest(source) for source in sources(config).values()]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
    if config.path == WORLD:
        return _world_digest()
    if hub.is_published(config.path):
        return config.path
    found = [_file_digest(file) for file in files.data_files(_file(config.path))]
    return found[0] if len(found) == 1 else hashlib.sha256("".join(found).encode()).hexdigest()


def _add(config: DataConfig, rows: list[Row] | Kept) -> None:
    problems = Problems()
    try:
        for row in _rows(config, problems):
            rows.append(row)
    except DataError as error:
        problems.lines += error.problems
    problems.check()


def sources(config: DataConfig) -> dict[str, DataConfig]:
    """What is mixed, each as if it were all."""
    return {
        name: config.model_copy(
            update={"path": source.path, "format": source.format, "sources": None}
        )
        for name, source in (config.sources or {}).items()
    }


def _rows(config: DataConfig, problems: Problems) -> Iterator[Row]:
    if not config.sources:
        yield from _of_one(config, problems)
        return
    for name, source in sources(config).items():
        of_source = Problems()
        try:
            for row in _of_one(source, of_source):
                yield row._replace(origin=name, place=f"{name}: {row.place}")
        except DataError as error:
            of_source.lines += error.problems
        for problem in of_source.lines:
            told = OWN_KEY.sub(rf"data.sources.{name}.\1", problem)
            problems.note(told if problem.startswith("data.") else f"{name}: {told}")
        problems.more += of_source.more


def _of_one(config: DataConfig, problems: Problems) -> Iterator[Row]:
    records = _records(config, problems)
    head = list(islice(records, HEAD))
    if not head:
        return
    where = head[0].place.rsplit(" ", 2)[0]  # `my.json row 17`
    how = reading(head, config.format, where)
    every = chain(head, records)
    if how.read is None:
        rows, faults = oasst(list(every))
        for fault in faults:
            problems.note(fault)
        yield from rows
    elif hub.is_published(config.path):
        yield from _usable(config.path, every, how, problems)
    else:
        yield from _strict(where, every, how, problems)


def _records(config: DataConfig, problems: Problems) -> Iterator[Record]:
    if config.path == WORLD:
        made = generator.rows(generator.MOST_ROWS)
        return (Record(f"world row {n}", dict(row)) for n, row in enumerate(made, 1))
    if hub.is_published(config.path):
        return hub.records(config.path)
    return files.records(_file(config.path), problems)


def _file(path: str) -> Path:
    if not path.strip():
        raise DataError(["data.path is empty: give your file, e.g. data.path=my.jsonl"])
    return downloaded(path) if is_address(path) else Path(path).expanduser()


def _strict(
    where: str, records: Iterable[Record], how: Reading, problems: Problems
) -> Iterator[Row]:
    """The rows of the user's own file; what is wrong with a record is noted."""
    found: dict[str, None] = {}
    for record in records:
        found.update(dict.fromkeys(record.fields))
        row, faults = _row(record, how)
        for fault in faults:
            problems.note(fault)
        if row is not None and not faults:
            yield row
    for fault in ignored(list(found), how):
        problems.note(f"{where}: {fault}")


def _usable(
    path: str, records: Iterable[Record], how: Reading, problems: Problems
) -> Iterator[Row]:
    """A published set without its bad rows: nobody here can mend them, as one mends one's own."""
    bad = Problems()
    left_out, kept = 0, 0
    for record in records:
        row, faults = _row(record, how)
        if row is not None and not faults:
            kept += 1
            yield row
            continue
        left_out += 1
        for fault in faults:
            bad.note(fault)
    if not kept:
        problems.lines += bad.lines
    elif left_out:
        log.warning("%s: left out %d rows, the first as %s", path, left_out, bad.lines[0])


def _row(record: Record, how: Reading) -> tuple[Row | None, list[str]]:
    fields = Fields(record, how.names)
    assert how.read is not None
    row = how.read(fields)
    return row and row._replace(place=record.place), fields.faults


def _file_digest(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


@cache
def _world_digest() -> str:
    made = generator.rows(generator.MOST_ROWS)
    return hashlib.sha256(json.dumps(made).encode()).hexdigest()
