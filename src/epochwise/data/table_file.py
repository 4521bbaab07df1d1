"""CSV and TSV files: the first line names the columns."""

import csv
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from epochwise.data.formats import Record
from epochwise.data.problems import DataError, Problems
from epochwise.data.text_file import LONGEST, lines

OTHERS = ",;\t|"  # what files elsewhere are parted by


def csv_table(path: Path, problems: Problems) -> Iterator[Record]:
    return _table(path, ",", problems)


def tsv_table(path: Path, problems: Problems) -> Iterator[Record]:
    return _table(path, "\t", problems)


def _table(path: Path, delimiter: str, problems: Problems) -> Iterator[Record]:
    csv.field_size_limit(LONGEST)
    texts = (text for _, text in lines(path, problems))
    cells = _cells(path, csv.reader(texts, delimiter=delimiter, strict=True), problems)
    header = next(cells, [])
    if fault := _header_fault(header, delimiter):
        raise DataError([f"{path.name}: {fault}"])
    for number, line in enumerate(cells, 1):
        place = f"{path.name} row {number}"
        if len(line) == len(header):
            yield Record(place, dict(zip(header, line, strict=True)))
        else:
            problems.note(
                f"{place}: has {len(line)} cells under {len(header)} columns:"
                " quote text that holds a separator"
            )


def _cells(path: Path, reader: Any, problems: Problems) -> Iterator[list[str]]:
    """The lines that are not blank; one that is badly quoted is noted, and reading goes on."""
    while True:
        try:
            line = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            problems.note(
                f"{path.name} line {reader.line_num}: is not a table's: {error}: quote text that"
                ' holds a separator, and write a quote inside as ""'
            )
            continue
        if line:
            yield line


def _header_fault(header: list[str], delimiter: str) -> str:
    if repeated := [name for name, times in Counter(header).items() if times > 1 or not name]:
        return f"its first line must name each column once, got {repeated} in {header}"
    other = next((mark for mark in OTHERS if len(header) == 1 and mark in header[0]), "")
    if not other or other == delimiter:
        return ""
    return (
        f"its first line {header[0]!r} is parted by {other!r}: part columns by commas in a .csv,"
        " by tabs in a .tsv"
    )
