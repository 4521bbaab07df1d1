"""What all clusters need: nodes that see the study's folder, and an end to bad luck."""

import importlib
import os
import secrets
import socket
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from epochwise.record import read_json
from epochwise.sweep.screen import say
from epochwise.sweep.slots import Slot
from epochwise.sweep.worker import Job, Work, carried_out, environment
from epochwise.train.stop import Stop

LOST = 3  # times that a trunk is tried again as its node was lost: it may be what brings it down

MARK = ".seen-"


class Site(NamedTuple):
    """Where a study lies, as every node must see it."""

    folder: Path
    """The study's, from the root."""
    mark: str
    """A file in it that only the same file system has."""
    start: Path
    """Where the command was given: relative paths of data and models are meant from there."""


class Remote(NamedTuple):
    """A study's work, as it is sent to a node."""

    work: Work
    site: Site
    preload: Sequence[str]
    """Modules to import before the first job."""
    threads: int
    """For each process of a trunk."""
    device: str | None = None
    """As CUDA_VISIBLE_DEVICES takes it; None leaves it as the cluster has set it."""

    def seen(self, job: Job) -> Job:
        """The job as a node sees it."""
        return job._replace(folder=self.site.folder, threads=self.threads)

    def carried_out(self, job: Job, stop: Stop) -> str:
        """How the job, as it is `seen`, ended on this node; or why it could not begin here."""
        problem = unseen(self.site)
        if problem:
            return problem
        os.chdir(self.site.start)
        os.environ |= environment(Slot(self.device, self.threads))  # before torch reads it
        for module in self.preload:
            importlib.import_module(module)
        return carried_out(self.work, job, stop, alive=stopped_if_replaced(job, stop))


class Losses:
    """How often each trunk has lost its node, which is not its failure."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def how(self, job: Job, words: str) -> str:
        """`stopped`, so that the trunk is tried again; the words themselves if that never ends."""
        self.counts[job.trunk.id] += 1
        if self.counts[job.trunk.id] > LOST:
            return f"{words}, and so it went {self.counts[job.trunk.id]} times"
        say(f"{job.trunk.label}: {words}; goes on from what it has kept")
        return "stopped"


def marked(folder: Path) -> Site:
    """The site of the study in `folder`, marked there until it is `unmarked`."""
    for old in folder.glob(f"{MARK}*"):  # of a command that was killed
        old.unlink()
    site = Site(folder.absolute(), f"{MARK}{secrets.token_hex(8)}", Path.cwd())
    (site.folder / site.mark).touch()
    return site


def unmark(site: Site) -> None:
    (site.folder / site.mark).unlink(missing_ok=True)


def unseen(site: Site) -> str:
    """What this node does not see of the site, and what to do; nothing where it sees all."""
    missing = [path for path in (site.folder / site.mark, site.start) if not path.exists()]
    if not missing:
        return ""
    folder = site.folder if missing[0].name == site.mark else site.start
    return (
        f"node {socket.gethostname()} does not see the folder {folder}: give the command in a"
        " folder that all nodes share, with folder=... in one, or leave this node out"
    )


def cleared(job: Job) -> Job:
    """The job, rid of what an attempt of this number left: a ledger may have begun anew."""
    for file in (job.stop, job.problem, end_file(job)):
        file.unlink(missing_ok=True)
    return job


def end_file(job: Job) -> Path:
    """How the attempt ended, where nobody is connected to hear it."""
    return job.home / f"end-{job.attempt}.json"


def is_replaced(job: Job) -> bool:
    """Whether another attempt has begun in the place of this one."""
    return bool(read_json(job.token) != job.attempt)


def stopped_if_replaced(job: Job, stop: Stop) -> Callable[[], None]:
    """Asks for a stop once nobody waits for this attempt any more."""

    def look() -> None:
        if is_replaced(job):
            stop.ask()

    return look
