"""Trackers follow the journals, from a process of its own: they can never stop or slow a run."""

import logging
import netrc
import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from epochwise.config import TrackConfig
from epochwise.quality import QUALITY
from epochwise.record import PlannedRun, Record, Study, is_done
from epochwise.train import shown
from epochwise.train.on_others import OnCsv, OnMlflow, OnTensorBoard, OnTrackio
from epochwise.train.on_wandb import opened_offline, opened_online
from epochwise.train.shown import Followed, Tracker
from epochwise.train.tail import Tail
from epochwise.train.upload import NotSentError

SERVER = "https://api.forge.coreweave.com"  # wandb 0.31's own default
FORMER_SERVER = "api.wandb.ai"  # the same one's older name, under which keys may be stored
POLL = 0.5  # seconds between two looks at the journals: W&B's pages are no livelier
KEPT_HERE = 3  # exit status: the server did not take all runs, the files have them
INCOMPLETE = 4  # exit status: a run could not be tracked

Mode = Literal["online", "offline", "disabled"]
Open = Callable[[Followed], Tracker]

log = logging.getLogger(__name__)


def mode(track: TrackConfig) -> Mode:
    """Where W&B's runs go, decided without a connection and without importing wandb.

    `auto` means WANDB_MODE where it is set, online where a key is configured, offline otherwise:
    wandb itself would ask for a key, and a study that nobody watches must not wait for one.
    """
    if track.name == "none":
        return "disabled"
    if track.name != "wandb":
        return "offline"
    if track.mode != "auto":
        return track.mode
    match os.environ.get("WANDB_MODE"):
        case "online" | "offline" | "disabled" as chosen:
            return chosen
        case None:
            return "online" if has_key() else "offline"
        case other:
            raise ValueError(f"WANDB_MODE={other}: expected online, offline or disabled")


def has_key() -> bool:
    """Whether a key for the W&B server is in the environment or in the netrc file."""
    if os.environ.get("WANDB_API_KEY"):
        return True
    path = Path(os.environ.get("NETRC", "~/.netrc")).expanduser()
    if not path.is_file():
        return False
    server = os.environ.get("WANDB_BASE_URL", SERVER)
    hosts = [urlsplit(server).netloc, *([FORMER_SERVER] if server == SERVER else [])]
    try:
        known = netrc.netrc(path)
    except netrc.NetrcParseError:
        return False  # wandb cannot read it either, and it may concern other programs only
    return any(known.authenticators(host) for host in hosts)


def untracked(study_folder: Path, tracker: str = "wandb") -> list[PlannedRun]:
    """The study's runs that the tracker does not have whole yet."""
    runs = Study.load(study_folder).runs
    return [run for run in runs if not _marker(study_folder, tracker, run.id).exists()]


def follow(study_folder: Path, track: TrackConfig, stop: Connection) -> int:
    """Show each run of the study as its journal grows; the exit status that tells how it went.

    Ends when all of them are whole, or when `stop` is closed: by the supervisor, or by its death.
    A run whose journal stops short is then marked as failed.
    """
    left = untracked(study_folder, track.name)
    with _opener(track) as opener, ThreadPoolExecutor(max_workers=len(left) + 1) as closing:
        courses = [Course(Followed(run, study_folder, track), opener) for run in left]
        ends = _all_shown(courses, closing, stop)
    problems = [end.exception() for end in ends]
    for problem in filter(None, problems):
        log.error("a run could not be closed", exc_info=problem)
    sent = not any(isinstance(problem, NotSentError) for problem in problems)
    if any(course.broken for course in courses) or (sent and any(problems)):
        return INCOMPLETE
    return 0 if sent else KEPT_HERE


def _all_shown(
    courses: list["Course"], closing: ThreadPoolExecutor, stop: Connection
) -> list[Future[None]]:
    """Each course is closed on a thread of its own: a server that hangs holds up no other run."""
    ends: list[Future[None]] = []
    stopped = False
    while courses:
        stopped = stopped or stop.poll(POLL)
        over = [course for course in courses if course.is_over(last=stopped)]
        ends += [closing.submit(course.close) for course in over]
        courses = [] if stopped else [course for course in courses if course not in over]
    return ends


class Course:
    """One run on its way to the tracker, opened there with its first row."""

    def __init__(self, followed: Followed, opener: Open) -> None:
        self.followed = followed
        self.opener = opener
        self.tail = Tail(followed.folder / "journal.jsonl")
        self.tracker: Tracker | None = None
        self.broken = False
        """The tracker's library failed; the run's next command tries again."""

    def is_over(self, *, last: bool) -> bool:
        """Show what is new; True when there will be no more: the run is done, or `last`."""
        whole = is_done(self.followed.folder)  # asked before reading: DONE comes after the last row
        try:
            self._show(whole)
        except Exception:  # of any library of any tracker: it may concern this run alone
            log.exception("%s could not be tracked", self.followed.planned.id)
            self.broken = True
        return self.broken or last or (whole and not _is_examined_yet(self.followed))

    def close(self) -> None:
        self.tail.close()
        if self.tracker is None or self.broken:
            return
        folder = self.followed.folder
        whole = is_done(folder)
        self.tracker.close(Record.load(folder / "record.json") if whole else None)
        if whole:
            track = self.followed.track.name
            marker = _marker(self.followed.study_folder, track, self.followed.planned.id)
            marker.parent.mkdir(parents=True, exist_ok=True)
            marker.touch()

    def _show(self, whole: bool) -> None:
        news = self.tail.news(whole=whole)
        if news.anew and self.tracker is not None:
            self.tracker.close(None)
            self.tracker = None
        rows = [found for found in map(shown.row, news.rows) if found]
        if rows and self.tracker is None:
            self.tracker = self.opener(self.followed)
        if rows and self.tracker is not None:
            self.tracker.log(rows)


def _opener(track: TrackConfig) -> AbstractContextManager[Open]:
    match track.name:
        case "tensorboard":
            return nullcontext(OnTensorBoard)
        case "trackio":
            return nullcontext(OnTrackio)
        case "mlflow":
            return nullcontext(OnMlflow)
        case "csv":
            return nullcontext(OnCsv)
    return opened_online() if mode(track) == "online" else opened_offline()


def _is_examined_yet(followed: Followed) -> bool:
    """Whether the run, done, is still being asked questions, as its settings want it."""
    asked = followed.settings["evaluate"].get("limit") is not None
    return asked and not (followed.folder / QUALITY).is_file()


def _marker(study_folder: Path, tracker: str, run_id: str) -> Path:
    """Beside the tracker's own files, since a finished run's folder is never touched again."""
    return study_folder / tracker / "tracked" / run_id
