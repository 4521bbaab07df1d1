"""Rows of sets that are larger than memory: the first are held in it, the others lie on disk."""

import json
import os
import tempfile
from array import array
from collections.abc import Sequence
from typing import overload

from epochwise.cache import cache_folder
from epochwise.data.formats import Message, Row

NEAR = 256 * 2**20  # characters of the rows in memory


class Kept(Sequence[Row]):
    """Rows in their order; only added to, and read from anywhere.

    The file has no name, so that nothing is left when the process ends, however it ends; it is read
    by position, so that forked processes may share it.
    """

    def __init__(self) -> None:
        self._near: list[Row] = []
        self._room = NEAR
        self._ends = array("Q", [0])
        self._far = -1

    def append(self, row: Row) -> None:
        if self._room > 0:
            self._near.append(row)
            self._room -= sum(len(said.content) + len(said.input) for said in row.messages)
            return
        if self._far < 0:
            self._far = _nameless()
        line = json.dumps(row, ensure_ascii=False).encode()
        os.pwrite(self._far, line, self._ends[-1])
        self._ends.append(self._ends[-1] + len(line))

    def __len__(self) -> int:
        return len(self._near) + len(self._ends) - 1

    @overload
    def __getitem__(self, place: int) -> Row: ...
    @overload
    def __getitem__(self, place: slice) -> list[Row]: ...
    def __getitem__(self, place: int | slice) -> Row | list[Row]:
        if isinstance(place, slice):
            return [self[number] for number in range(*place.indices(len(self)))]
        number = range(len(self))[place]
        if number < len(self._near):
            return self._near[number]
        far = number - len(self._near)
        start, end = self._ends[far], self._ends[far + 1]
        return _row(json.loads(os.pread(self._far, end - start, start)))

    def __del__(self) -> None:
        if self._far >= 0:
            os.close(self._far)


def _nameless() -> int:
    folder = cache_folder()
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder) as file:
        return os.dup(file.fileno())


def _row(found: list[object]) -> Row:
    messages, tools, *rest = found
    assert isinstance(messages, list)
    assert isinstance(tools, list)
    said = (
        Message(role, content, asked, tuple(calls), trained)
        for role, content, asked, calls, trained in messages
    )
    return Row(tuple(said), tuple(tools), *rest)  # type: ignore[arg-type]
