"""The rows of an experiment, from wherever its config says: the world, a file, or the hub."""

import hashlib
import json
import logging
from functools import cache
from pathlib import Path
from typing import NamedTuple

from epochwise.config import DataConfig
from epochwise.data import files, hub
from epochwise.data.alpaca import filled, tabular
from epochwise.data.conversations import guanaco, oasst
from epochwise.data.files import Found
from epochwise.data.formats import Record, Row
from epochwise.data.problems import DataError
from epochwise.world import generator

__all__ = ["DataError", "Readable", "Row", "digest", "read", "readable"]

WORLD = "world"
log = logging.getLogger(__name__)


class Readable(NamedTuple):
    rows: list[Row]
    records: list[Record]
    """As found, those of bad rows among them."""
    problems: list[str]
    """Each begins with the place of its row."""


def read(config: DataConfig) -> list[Row]:
    """Every row, in the order of its file.

    Raises:
        DataError: What is wrong, with the place of every bad row.
    """
    records, problems = _found(config)
    if not records:
        raise DataError(problems)
    rows, faults = _rows(records, config.format)
    if problems + faults:
        raise DataError(problems + faults)
    return rows


def readable(config: DataConfig) -> Readable:
    """What `read` would give if the rows it refuses were not there.

    Raises:
        DataError: There is no such file, or nothing in it can be read as rows.
    """
    records, problems = _found(config)
    if not records:
        raise DataError(problems)
    rows, faults = _rows(records, config.format)
    bad = {fault.partition(": ")[0] for fault in faults}
    return Readable([row for row in rows if row.place not in bad], records, problems + faults)


def digest(config: DataConfig) -> str:
    """A value that changes with the rows: a hub set is taken at its word, by its path."""
    if config.path == WORLD:
        return _world_digest()
    if config.path.startswith(hub.PREFIX):
        return config.path
    path = _file(config.path)
    if not path.is_file():
        files.records(path)  # says why
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _found(config: DataConfig) -> Found:
    if config.path == WORLD:
        made = generator.rows(generator.MOST_ROWS)
        return Found([Record(f"world row {n}", dict(row)) for n, row in enumerate(made, 1)], [])
    if config.path.startswith(hub.PREFIX):
        return Found(_published(config), [])
    return files.records(_file(config.path))


def _file(path: str) -> Path:
    if not path.strip():
        raise DataError(["data.path is empty: give your file, e.g. data.path=my.jsonl"])
    return Path(path).expanduser()


def _published(config: DataConfig) -> list[Record]:
    """A hub set without its blank rows: nobody here can mend them, as one mends one's own file."""
    records = hub.records(config.path)
    if config.format in ("guanaco", "oasst"):
        return records
    kept = filled(records, config.format if isinstance(config.format, dict) else {})
    if len(kept) < len(records):
        blank = len(records) - len(kept)
        log.warning("%s: left out %d rows without question or answer", config.path, blank)
    return kept or records


def _rows(records: list[Record], form: str | dict[str, str]) -> tuple[list[Row], list[str]]:
    if isinstance(form, dict):
        return tabular(records, form)
    match form:
        case "guanaco":
            return guanaco(records)
        case "oasst":
            return oasst(records)
        case _:
            return tabular(records, {})


@cache
def _world_digest() -> str:
    made = generator.rows(generator.MOST_ROWS)
    return hashlib.sha256(json.dumps(made).encode()).hexdigest()
