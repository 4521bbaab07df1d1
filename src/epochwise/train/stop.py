"""A training is asked to stop by a signal or by a file, and obeys between two steps."""

import os
import signal
import time
from pathlib import Path
from types import FrameType

STATUS = 143  # what a process leaves with that has obeyed SIGTERM
LOOK = 1.0  # seconds between two looks for the file: it may lie on another machine's disk


class Stopped(Exception):  # noqa: N818 - nothing went wrong
    """The training has kept its state and goes no further."""


class Stop:
    """Whether somebody has asked. The handler only takes note: a step is never cut in two."""

    def __init__(self, file: Path) -> None:
        """`file`: asks, as long as it exists, those whom no signal reaches."""
        self.file = file
        self._asked = False
        self._listens = False
        self._looked = -LOOK

    def listen(self) -> None:
        """Note SIGTERM and SIGINT from now on; a second one ends the process at once."""
        self._listens = True
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._note)

    def listen_on(self) -> None:
        """Take the signals back from Lightning, whose trainers set a handler of their own."""
        if self._listens:
            self.listen()

    def ask(self) -> None:
        self._asked = True

    def asked(self) -> bool:
        if not self._asked and time.monotonic() - self._looked >= LOOK:
            self._looked = time.monotonic()
            self._asked = self.file.exists()
        return self._asked

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self._asked:
            os._exit(STATUS)
        self._asked = True
