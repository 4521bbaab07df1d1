"""Scalars of TensorBoard's event files."""

from collections.abc import Sequence
from pathlib import Path

from epochwise.diagnose.history.axis import Row

VERSION = b"brain.Event:"  # in the first record of every event file


def are_events(head: bytes) -> bool:
    return VERSION in head[:64]


def event_files(folder: Path) -> list[Path]:
    """Those in the folder and below it."""
    files = (file for file in sorted(folder.rglob("*tfevents*")) if file.is_file())
    return [file for file in files if are_events(_head(file))]


def event_rows(files: Sequence[Path], root: Path) -> list[Row]:
    """One row a scalar: its step, and its value under its tag.

    A file in a folder of its own (Keras: train/, validation/) adds that to its tags.

    Raises:
        ValueError: TensorBoard is not installed, or a file is damaged.
    """
    try:
        from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
        from tensorboard.backend.event_processing.event_file_loader import (  # type: ignore[import-untyped]
            EventFileLoader,
        )
        from tensorboard.util import tensor_util  # type: ignore[import-untyped]
    except ImportError:
        raise ValueError(
            "found TensorBoard events, which TensorBoard's own reader reads: "
            "pip install 'epochwise[tensorboard]'"
        ) from None
    rows: list[Row] = []
    for file in files:
        folder = "" if file.parent == root else f"{file.parent.relative_to(root)}/"
        try:
            for event in EventFileLoader(str(file)).Load():
                rows += [
                    {"step": event.step, folder + value.tag: float(array)}
                    for value in event.summary.value
                    if value.HasField("tensor")
                    for array in [tensor_util.make_ndarray(value.tensor)]
                    if array.ndim == 0 and array.dtype.kind in "fiu"
                ]
        except (DecodeError, TypeError) as error:
            raise ValueError(f"found a damaged TensorBoard file {file.name}: {error}") from None
    return rows


def _head(file: Path) -> bytes:
    with file.open("rb") as opened:
        return opened.read(64)
