"""Sends an offline W&B run to the server while it is written: W&B's own sync, in a process apart.

So what is kept here never waits for the network. As a program: `upload.py FOLDER [--live]`, which
ends when its standard input does: no upload outlives the tracker, whatever that died of.
"""

import os
import subprocess
import sys
import threading
from pathlib import Path

TRACKERS = "WANDB_SERVICE"  # variable: where the service of the process that set it listens


class NotSentError(Exception):
    """The server does not have the run whole; the files here have it."""


class Upload:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        """Of the offline W&B run."""
        self.log = folder / "upload.log"
        self._live = self._started("--live")

    def finish(self) -> None:
        """Wait until the server has the whole run. One that was out of reach is asked again."""
        self._live.wait()
        if self._has_arrived():
            return
        self._started().wait()
        if not self._has_arrived():
            raise NotSentError(f"{self.folder} was not sent, see {self.log}")

    def _has_arrived(self) -> bool:
        """W&B's sync notes a run as synced also when it told of an error on the way: not so here.

        The note is then removed, so that the next `wandb sync` does not pass the run over.
        """
        notes = list(self.folder.glob("*.wandb.synced"))
        if "ERROR" not in self.log.read_text(encoding="utf-8", errors="replace"):
            return bool(notes)
        for note in notes:
            note.unlink()
        return False

    def _started(self, *options: str) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "epochwise.train.upload", str(self.folder), *options]
        own = {key: value for key, value in os.environ.items() if key != TRACKERS}
        with self.log.open("wb") as log:
            return subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT, env=own
            )


def _end_with_standard_input() -> None:
    while os.read(0, 1):
        pass
    os._exit(1)


def main() -> None:
    from wandb.cli.cli import cli

    threading.Thread(target=_end_with_standard_input, daemon=True).start()
    folder, *options = sys.argv[1:]
    cli(["beta", "sync", "--yes", *options, folder])


if __name__ == "__main__":
    main()
