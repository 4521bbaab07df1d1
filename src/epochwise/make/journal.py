"""What has been done for one output file: on disk, line by line, before it counts as done."""

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from epochwise.train import journal as lines

JSON = dict[str, Any]
FORMAT = 1


class Journal(NamedTuple):
    path: Path
    entries: list[JSON]
    """In the order in which they were added."""

    @property
    def is_begun(self) -> bool:
        """Whether it holds more than its settings."""
        return len(self.entries) > 1

    def add(self, entry: JSON) -> None:
        """The entry is on disk for good once this returns."""
        lines.append(self.path, entry)
        _sync(self.path)
        self.entries.append(entry)

    def publish(self, file: Path, rows: list[JSON]) -> None:
        """The rows become the file, one a line, in one rename; where nothing was done, none does.

        Raises:
            ValueError: The file there holds what this journal has not written.
        """
        if not self.is_begun:
            return
        content = "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows).encode()
        digest = hashlib.sha256(content).hexdigest()
        if file.exists() and hashlib.sha256(file.read_bytes()).hexdigest() == digest:
            return
        self.check_own(file)
        self.add({"written": digest})  # first, so that a file of ours is always known as such
        partial = file.with_name(f".{file.name}.partial")
        partial.write_bytes(content)
        _sync(partial)
        os.replace(partial, file)
        _sync(file.parent)

    def check_own(self, file: Path) -> None:
        """Raises ValueError where the file is there and is not as this journal has written it."""
        if not file.exists():
            return
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        if digest not in {entry.get("written") for entry in self.entries}:
            raise ValueError(
                f"{file} was not written by this command, or has been changed since; move it away,"
                " or give another --out"
            )


@contextmanager
def journal_of(out: Path, settings: Mapping[str, Any]) -> Iterator[Journal]:
    """The journal beside `out`, `out.journal`, for one writer at a time.

    Args:
        settings: What decides the rows, by the flags that set it.

    Raises:
        ValueError: It is of other settings, damaged, or in use; or there is no room for it.
    """
    path = out.with_name(f"{out.name}.journal")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        handle = path.open("ab")
    except OSError as error:
        raise ValueError(f"--out {out}: cannot be written: {error.strerror or error}") from error
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise ValueError(f"{out}: another command is writing it; wait for its end") from error
        yield _opened(path, out, json.loads(json.dumps(settings)))


def _opened(path: Path, out: Path, settings: JSON) -> Journal:
    try:
        entries = lines.read(path)
    except ValueError as error:
        raise ValueError(
            f"{path} is damaged; move it and {out.name} away, then give the same command again"
        ) from error
    if len(entries) <= 1:  # nothing was done with other settings, so they do not bind
        os.truncate(path, 0)
        journal = Journal(path, [])
        journal.check_own(out)
        journal.add({"format": FORMAT, "settings": settings})
        _sync(path.parent)
        return journal
    _check_same(entries[0], settings, out)
    return Journal(path, entries)


def _check_same(first: JSON, settings: JSON, out: Path) -> None:
    if first.get("format") != FORMAT:
        raise ValueError(f"{out}.journal is of another version; give another --out")
    before = first["settings"]
    changed = [key for key in before | settings if before.get(key) != settings.get(key)]
    if changed:
        told = [f"{key}: {before.get(key)} then, {settings.get(key)} now" for key in changed]
        remedy = "give the settings of then to go on, or another --out"
        raise ValueError("\n  ".join([f"{out} was begun with other settings; {remedy}", *told]))


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
