"""Files as text: packed or not, UTF-8 or refused, a line at a time; and files of plain text."""

import codecs
import gzip
from collections.abc import Iterator
from io import BufferedIOBase
from pathlib import Path
from typing import NamedTuple

from epochwise.data.formats import Record
from epochwise.data.problems import DataError, Problems

LONGEST = 64 * 2**20  # bytes of a line, and of a packed file's every part: no row is so long
MARKS = {  # what other encodings begin with; UTF-32's first, as UTF-16's is its beginning
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}


class Line(NamedTuple):
    number: int
    text: str


def opened(path: Path) -> BufferedIOBase:
    """The file's bytes; a `.gz` is unpacked as it is read."""
    if path.suffix.lower() == ".gz":
        return gzip.open(path, "rb")
    return path.open("rb")


def lines(path: Path, problems: Problems) -> Iterator[Line]:
    """Every line with its end, without a byte-order mark; lines end at a line feed only.

    A line that is too long, or not UTF-8, is noted and left out.

    Raises:
        DataError: The whole file is in another encoding.
    """
    with opened(path) as file:
        number = 0
        while raw := file.readline(LONGEST + 1):
            number += 1
            if number == 1:
                _check_encoding(path, raw)
                raw = raw.removeprefix(codecs.BOM_UTF8)
            if len(raw) > LONGEST:
                problems.note(f"{path.name} line {number}: {_skipped(file)}")
                continue
            try:
                yield Line(number, raw.decode())
            except UnicodeDecodeError as error:
                problems.note(
                    f"{path.name} line {number}: is not UTF-8 at byte {error.start}"
                    f" ({error.object[error.start : error.start + 4].hex(' ')}): save it as UTF-8"
                )


def whole(path: Path) -> str:
    """The file's text, without a byte-order mark.

    Raises:
        DataError: It is not UTF-8.
    """
    with opened(path) as file:
        content = file.read()
    _check_encoding(path, content)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DataError(
            [f"{path.name} is not UTF-8 at byte {error.start}, line {line}: save it as UTF-8"]
        ) from error


def paragraphs(path: Path, problems: Problems) -> Iterator[Record]:
    """The documents of a text: parted by blank lines; by line ends where there are none."""
    block: list[Line] = []
    separate = _has_blank_lines(path)
    for line in lines(path, problems):
        if line.text.strip():
            block.append(line)
        if block and not (separate and line.text.strip()):
            yield _document(path, block)
            block = []
    if block:
        yield _document(path, block)


def markdown(path: Path, problems: Problems) -> Iterator[Record]:
    """The whole file as one document."""
    text = whole(path)
    if text.strip():
        yield Record(path.name, {"text": text.strip()})


def _document(path: Path, block: list[Line]) -> Record:
    text = "".join(line.text for line in block).strip()
    return Record(f"{path.name} line {block[0].number}", {"text": text})


def _has_blank_lines(path: Path) -> bool:
    """Whether a blank line stands between two texts."""
    blank = False
    for line in lines(path, Problems()):
        if blank and line.text.strip():
            return True
        blank = line.number > 1 and not line.text.strip()
    return False


def _check_encoding(path: Path, start: bytes) -> None:
    for mark, name in MARKS.items():
        if start.startswith(mark):
            raise DataError([f"{path.name} is not UTF-8 at byte 0 but {name}: save it as UTF-8"])


def _skipped(file: BufferedIOBase) -> str:
    """Leaves the rest of a line unread; says how long that was."""
    length = LONGEST + 1
    while part := file.readline(LONGEST):
        length += len(part)
        if part.endswith(b"\n"):
            break
    return f"has {length} bytes, over {LONGEST}: no row is so long; part it or remove it"
