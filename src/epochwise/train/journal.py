"""A run's journal: append-only JSON lines, each with its own checksum."""

import json
import math
import zlib
from pathlib import Path
from typing import Any, BinaryIO

JSON = dict[str, Any]

SEAL = len(', "crc": "01234567"}')  # what each line ends in


def append(path: Path, row: JSON) -> None:
    """The row becomes the last line."""
    extend(path, line(row))


def extend(path: Path, lines: bytes) -> None:
    """The lines become the last ones, in one write.

    A torn line that a killed writer left is cut off first: a row glued to it would be lost with it.
    """
    with path.open("ab+") as file:
        _cut_torn_line(file)
        file.write(lines)


def read(path: Path) -> list[JSON]:
    """All rows, without their checksums; a torn last line is not there yet."""
    return read_from(path, 0)[0]


def read_from(path: Path, offset: int) -> tuple[list[JSON], int]:
    """The rows after `offset` bytes, and where the next call goes on: how a follower reads."""
    with path.open("rb") as file:
        file.seek(offset)
        whole, newline, _torn = file.read().rpartition(b"\n")
    rows = []
    for line in whole.split(b"\n") if newline else []:
        rows.append(_opened(line, path, offset))
        offset += len(line) + 1
    return rows, offset


def line(row: JSON) -> bytes:
    """The row as a line with its checksum. NaN becomes null, as in every file of a run."""
    finite = {key: None if _not_finite(value) else value for key, value in row.items()}
    text = json.dumps(finite, ensure_ascii=False, allow_nan=False)
    return f'{text[:-1]}, "crc": "{zlib.crc32(text.encode()):08x}"}}\n'.encode()


def _opened(line: bytes, path: Path, offset: int) -> JSON:
    body = line[:-SEAL] + b"}"
    if line[-SEAL:] != b', "crc": "%08x"}' % zlib.crc32(body):
        number = path.read_bytes()[:offset].count(b"\n") + 1
        raise ValueError(
            f"{path} line {number} is damaged: its checksum does not match. Its run cannot be "
            "trusted: remove the run's folder and give the same command again"
        )
    row: JSON = json.loads(body)
    return row


def _cut_torn_line(file: BinaryIO) -> None:
    size = file.seek(0, 2)
    if size == 0:
        return
    file.seek(size - 1)
    if file.read(1) != b"\n":
        file.seek(0)
        file.truncate(file.read().rfind(b"\n") + 1)


def _not_finite(value: Any) -> bool:
    return isinstance(value, float) and not math.isfinite(value)
