"""The folder that a study works in: the newest of its name or a new one, one command at a time."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from epochwise.record import Study
from epochwise.sweep import axes

LOCK = "lock"  # held by the command that works in a study's folder

LONE = "train"  # the study of a lone run: each starts a folder of its own


def opened(parent: Path, study: Study, *, fresh: bool) -> tuple[Path, Study]:
    """The folder to work in: the newest of this name, its study extended by this one, or a new one.

    Raises:
        ValueError: The newest one has other settings.
    """
    newest = max(parent.glob("*/study.json"), default=None)
    if fresh or study.name == LONE or newest is None:
        return new_folder(parent), study
    folder = newest.parent
    try:
        return folder, axes.extended(Study.load(folder), study)
    except ValueError as problem:
        raise ValueError(
            f"{folder} was made with other settings:\n{problem}\n"
            "Give --fresh to start anew, or study=NAME to keep both"
        ) from problem


def new_folder(parent: Path) -> Path:
    """An empty folder, named after this moment in UTC: names sort by time and never collide."""
    while True:
        folder = parent / datetime.now(UTC).strftime("%Y-%m-%dT%H-%M-%S.%fZ")
        try:
            folder.mkdir(parents=True)
        except FileExistsError:  # another command in the same microsecond
            continue
        return folder


@contextmanager
def locked(folder: Path) -> Iterator[bool]:
    """Whether this process alone works in the folder; the system frees the lock at its death."""
    # A file to write: a network file system locks no folder, and none that is open to read only.
    file = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        ours = True
    except BlockingIOError:
        ours = False
    try:
        yield ours
    finally:
        os.close(file)
