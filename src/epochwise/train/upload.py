"""Sends offline W&B runs to the server while they are written: W&B's own sync, in processes apart.

So what is kept here never waits for the network. As a program: forks a process for each line that
it is handed through its standard input, so that W&B is imported once for all. The line is a socket
which tells that process what to send; whichever of its two ends goes, the other notices: no upload
outlives the tracker, whatever that died of.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

TRACKERS = "WANDB_SERVICE"  # variable: where the service of the process that set it listens

Send = Callable[[Path, list[str]], socket.socket]
"""Begin to send a folder, with options of W&B's sync; what comes back ends when that does."""


class NotSentError(Exception):
    """The server does not have the run whole; the files here have it."""


@contextmanager
def sender() -> Iterator[Send]:
    """While inside, uploads can be started; those still under way at the end go on."""
    ours, theirs = socket.socketpair()
    own = {key: value for key, value in os.environ.items() if key != TRACKERS}
    process = subprocess.Popen(
        [sys.executable, "-m", "epochwise.train.upload"], stdin=theirs.fileno(), env=own
    )
    theirs.close()

    def send(folder: Path, options: list[str]) -> socket.socket:
        line, its = socket.socketpair()
        with its:
            line.sendall(json.dumps([str(folder), *options]).encode() + b"\n")
            socket.send_fds(ours, [b"."], [its.fileno()])
        return line

    with process, ours:
        yield send


class Upload:
    def __init__(self, folder: Path, send: Send) -> None:
        self.folder = folder
        """Of the offline W&B run."""
        self.send = send
        self._live = send(folder, ["--live"])

    def finish(self) -> None:
        """Wait until the server has the whole run. One that was out of reach is asked again."""
        _wait(self._live)
        if self._has_arrived():
            return
        _wait(self.send(self.folder, []))
        if not self._has_arrived():
            raise NotSentError(f"{self.folder} was not sent, see {_log(self.folder)}")

    def _has_arrived(self) -> bool:
        """W&B's sync notes a run as synced also when it told of an error on the way: not so here.

        The note is then removed, so that the next `wandb sync` does not pass the run over.
        """
        notes = list(self.folder.glob("*.wandb.synced"))
        log = _log(self.folder)
        if log.is_file() and "ERROR" not in log.read_text(encoding="utf-8", errors="replace"):
            return bool(notes)
        for note in notes:
            note.unlink()
        return False


def _log(folder: Path) -> Path:
    return folder / "upload.log"


def _wait(line: socket.socket) -> None:
    with line:
        line.recv(1)  # nothing is ever said


def main() -> None:
    from wandb.cli.cli import cli

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # each is waited for at its line
    asked = socket.socket(fileno=os.dup(0))
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    while lines := socket.recv_fds(asked, 1, 1)[1]:
        if os.fork() == 0:
            asked.close()
            cli(_asked_for(socket.socket(fileno=lines[0])))
        os.close(lines[0])


def _asked_for(line: socket.socket) -> list[str]:
    """The words of W&B's command, which from now on writes to the run's log."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    folder, *options = json.loads(line.makefile().readline())
    log = os.open(_log(Path(folder)), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    os.dup2(log, 1)
    os.dup2(log, 2)
    threading.Thread(target=_end_with, args=(line,), daemon=True).start()
    return ["beta", "sync", "--yes", *options, folder]


def _end_with(line: socket.socket) -> None:
    line.recv(1)
    os._exit(1)


if __name__ == "__main__":
    main()
