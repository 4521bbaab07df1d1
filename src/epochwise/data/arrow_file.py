"""Parquet and Arrow files, a batch of rows at a time."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from epochwise.data.formats import Record
from epochwise.data.problems import DataError, Problems

BATCH = 1000  # rows in memory besides those that are kept
LARGE = 2 * 2**30  # bytes of a part once it is unpacked; with BOMB, more than memory may bear
BOMB = 1000  # times the size of its file


def parquet(path: Path, problems: Problems) -> Iterator[Record]:
    import pyarrow
    from pyarrow import parquet as files

    try:
        with files.ParquetFile(path) as file:
            _check_size(path, file.metadata)
            yield from _rows(path, file.iter_batches(batch_size=BATCH), problems)
    except (pyarrow.ArrowException, OSError) as error:
        raise DataError([f"{path.name} is not a Parquet file, or cut: {_first(error)}"]) from error


def arrow(path: Path, problems: Problems) -> Iterator[Record]:
    """Both of Arrow's layouts: files, as Feather 2 is, and streams, as `datasets` keeps them."""
    import pyarrow

    try:
        with pyarrow.memory_map(str(path)) as source:
            yield from _rows(path, _batches(source), problems)
    except (pyarrow.ArrowException, OSError) as error:
        raise DataError([f"{path.name} is not an Arrow file, or cut: {_first(error)}"]) from error


def _batches(source: Any) -> Iterator[Any]:
    from pyarrow import ipc

    if source.read(6) == b"ARROW1":
        source.seek(0)
        file = ipc.open_file(source)
        yield from (file.get_batch(number) for number in range(file.num_record_batches))
    else:
        source.seek(0)
        yield from ipc.open_stream(source)


def _rows(path: Path, batches: Iterable[Any], problems: Problems) -> Iterator[Record]:
    first = 1
    for batch in batches:
        for start in range(0, batch.num_rows, BATCH):
            part = batch.slice(start, BATCH)
            try:
                found = part.to_pylist()
            except ValueError as error:  # text that is none, a date of no calendar
                last = first + part.num_rows - 1
                problems.note(f"{path.name} rows {first} to {last}: hold what cannot be: {error}")
                found = []
            for number, fields in enumerate(found, first):
                yield Record(f"{path.name} row {number}", fields)
            first += part.num_rows


def _check_size(path: Path, metadata: Any) -> None:
    parts = range(metadata.num_row_groups)
    largest = max((metadata.row_group(part).total_byte_size for part in parts), default=0)
    if largest > LARGE and largest > BOMB * path.stat().st_size:
        raise DataError(
            [
                f"{path.name} says that a part of it unpacks to {largest} bytes, {BOMB} times the"
                " file and more: it is damaged, or made to fill the memory"
            ]
        )


def _first(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0]
