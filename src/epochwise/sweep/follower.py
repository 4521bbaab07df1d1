"""The tracker's process: started with the workers, waited for at the end, but not for long.

It alone imports W&B or another tracker: what happens to it, or to a server, happens to no run.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from pathlib import Path

from epochwise.config import TrackConfig
from epochwise.sweep.local import kill
from epochwise.sweep.worker import held, output_to
from epochwise.train import track as tracking

NICENESS = 10  # training goes first where cores are few
PATIENCE = 60.0  # seconds: the curves of a large study upload in less; a dead network never would


@contextmanager
def tracked(folder: Path, track: TrackConfig, context: ForkServerContext) -> Iterator[list[str]]:
    """While inside, W&B follows the study; what a user should know is in the list afterwards."""
    notes: list[str] = []
    if tracking.mode(track) == "disabled" or not tracking.untracked(folder, track.name):
        yield notes
        return
    theirs, ours = context.Pipe(duplex=False)
    process = context.Process(target=_enter, args=(folder, track, theirs), name="track")
    process.start()
    theirs.close()
    try:
        yield notes
    finally:
        ours.close()
        process.join(PATIENCE)
        if process.exitcode != 0:
            notes.append(_note(folder, track, process.exitcode))
        kill(process)


def line(track: TrackConfig) -> str:
    """One clear line on where tracked runs go, and how to change it."""
    if track.name not in ("wandb", "none"):
        return f"tracked with {track.name}"
    match tracking.mode(track):
        case "disabled":
            return "W&B: off"
        case "online":
            return f"W&B: online, project {track.project}"
        case "offline":
            return "W&B: offline, in the study's folder; `wandb login` puts the next study online"


def _enter(folder: Path, track: TrackConfig, stop: Connection) -> None:
    os.setsid()
    os.nice(NICENESS)
    os.environ.setdefault("WANDB_DATA_DIR", str(folder.resolve() / "wandb" / "data"))  # of tables
    log = _log(folder)
    with output_to(log), held(log.with_suffix(".lock")):
        sys.exit(tracking.follow(folder, track, stop))


def _log(folder: Path) -> Path:
    return folder / "log" / "track.log"


def _note(folder: Path, track: TrackConfig, status: int | None) -> str:
    again = "The same command tracks what is missing"
    if track.name != "wandb":
        return f"{track.name}: {_why(status)}, see {_log(folder)}; no run was harmed. {again}"
    send = f"wandb sync {folder}/wandb/*run-*"
    return (
        f"W&B: {_why(status)}, see {_log(folder)}; no run was harmed. {again}, and this sends "
        f"what is there: {send}"
    )


def _why(status: int | None) -> str:
    match status:
        case None:
            return f"the tracker took over {PATIENCE:.0f} s to finish"
        case tracking.KEPT_HERE:
            return "the server did not take all runs, which are kept here"
        case tracking.INCOMPLETE:
            return "some run could not be tracked"
    return f"the tracker ended with {status}"
