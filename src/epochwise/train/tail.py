"""A journal's rows as it grows: each once, also where a resumed run writes its journal anew."""

import os
import zlib
from pathlib import Path
from typing import BinaryIO, NamedTuple

from epochwise.train import journal


class News(NamedTuple):
    rows: list[journal.JSON]
    anew: bool = False
    """Rows told before have changed: these are all there are."""


class Tail:
    """A resumed run's folder is made anew, with the journal as it was at the checkpoint."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._offset = 0
        self._checksum = 0
        """Of all bytes before the offset."""
        self._size = 0
        """Of the file at the last call, in bytes; what is beyond the offset is a torn line."""
        self._file: BinaryIO | None = None
        """Held open, so that no other file is given its inode number."""

    def news(self, *, whole: bool) -> News:
        """What was appended since the last call. `whole`: the journal will not grow any more."""
        if not self.path.is_file():
            return News([])
        is_same, size = self._is_same_file(), self.path.stat().st_size
        if is_same and size == self._size:
            return News([])
        anew = self._file is not None and not is_same and self._has_changed(whole)
        if anew:
            self._offset = self._checksum = 0
        if self._file is None:
            self._file = self.path.open("rb")
        rows, end = journal.read_from(self.path, self._offset)
        self._checksum = zlib.crc32(self._bytes(self._offset, end), self._checksum)
        self._offset, self._size = end, size
        return News(rows, anew)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _is_same_file(self) -> bool:
        if self._file is None:
            return False
        return os.fstat(self._file.fileno()).st_ino == self.path.stat().st_ino

    def _has_changed(self, whole: bool) -> bool:
        """Whether the file now there does not begin with what was read; one to grow may yet."""
        kept = self._bytes(0, self._offset)
        if len(kept) < self._offset and not whole:
            return False
        self.close()
        return zlib.crc32(kept) != self._checksum

    def _bytes(self, start: int, end: int) -> bytes:
        with self.path.open("rb") as file:
            file.seek(start)
            return file.read(end - start)
