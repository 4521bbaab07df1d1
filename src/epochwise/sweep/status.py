"""Where a study stands, for whoever looks from another terminal: reads, and changes nothing."""

import fcntl
import os
import time
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Group
from rich.table import Table
from rich.text import Text

from epochwise.record import Study, Tick, is_done, run_folder
from epochwise.sweep import ledger
from epochwise.sweep.folder import LOCK
from epochwise.sweep.ledger import Entry, State
from epochwise.sweep.ledger_place import ledger_path
from epochwise.sweep.worker import progress, trunk_home

NOT_BEGUN = Entry("", "", State.PENDING, 0, None, None, "")


class Standing(NamedTuple):
    """One run of the study."""

    run: str
    label: str
    trunk: str
    state: str
    """pending, running, done or failed."""
    attempt: int
    problem: str


class Underway(NamedTuple):
    """One trunk that a worker is training."""

    trunk: str
    label: str
    tick: Tick | None
    """None while it loads."""
    seconds_left: float | None


class Status(NamedTuple):
    study: str
    folder: str
    supervised: bool
    """Whether a command is working on it now."""
    counts: dict[str, int]
    runs: list[Standing]
    trunks: list[Underway]

    def json(self) -> dict[str, Any]:
        """Plain JSON: what `--json` prints."""
        trunks = [
            row._asdict() | {"tick": row.tick._asdict() if row.tick else None}
            for row in self.trunks
        ]
        return self._asdict() | {"runs": [run._asdict() for run in self.runs], "trunks": trunks}


def status(folder: Path) -> Status:
    """What the study's ledger, run folders and workers' reports say at this moment.

    Raises:
        ValueError: The ledger is damaged or of another version.
    """
    study = Study.load(folder)
    supervised = is_supervised(folder)
    book = ledger_path(folder)
    entries = {entry.run: entry for entry in ledger.read(book)} if book.exists() else {}
    runs = [
        _standing(folder, run.id, run.label, entries.get(run.id, NOT_BEGUN), supervised)
        for run in study.runs
    ]
    counts = Counter(run.state for run in runs)
    running = {entry.trunk: entry for run, entry in entries.items() if _is(runs, run, "running")}
    return Status(
        study=study.name,
        folder=str(folder),
        supervised=supervised,
        counts={state.value: counts[state.value] for state in State},
        runs=runs,
        trunks=[_underway(folder, entry, runs) for entry in running.values()],
    )


def is_supervised(folder: Path) -> bool:
    """Whether the study's lock is held: the system frees it when its holder dies."""
    try:
        file = os.open(folder / LOCK, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(file)
    return False


def shown(found: Status) -> Group:
    """What a person reads: a line, trunks under way, failures."""
    parts = ", ".join(f"{number} {state}" for state, number in found.counts.items() if number)
    work = "a command is working on it" if found.supervised else "no command is working on it"
    lines: list[Any] = [Text(f"{found.study}: {len(found.runs)} runs: {parts}; {work}")]
    if found.trunks:
        lines.append(_table(found.trunks))
    failed = [run for run in found.runs if run.state == "failed"]
    lines += [Text(f"failed: {run.label}\n  {run.problem}", style="red") for run in failed]
    return Group(*lines)


def _standing(folder: Path, run: str, label: str, entry: Entry, supervised: bool) -> Standing:
    """What lies in the run's folder is the truth; the ledger may be a moment behind."""
    state = entry.state.value
    if is_done(run_folder(folder, run)):
        state = "done"
    elif state == "running" and not supervised:
        state = "pending"  # whoever was at it is gone; the same command goes on
    return Standing(run, label, entry.trunk, state, entry.attempt, entry.problem)


def _is(runs: list[Standing], run: str, state: str) -> bool:
    return any(standing.run == run and standing.state == state for standing in runs)


def _underway(folder: Path, entry: Entry, runs: list[Standing]) -> Underway:
    tick = progress(trunk_home(folder, entry.trunk) / "progress.json", entry.attempt)
    label = next(run.label for run in reversed(runs) if run.trunk == entry.trunk)
    left = None
    if tick and tick.step and entry.started:
        left = (time.time() - entry.started) / tick.step * (tick.steps - tick.step)
    return Underway(entry.trunk, label, tick, left)


def _table(trunks: list[Underway]) -> Table:
    table = Table("trunk", "step", "loss", "val", "left")
    for row in trunks:
        if row.tick is None:
            table.add_row(row.label, "loading", "", "", "")
            continue
        losses = ["" if loss is None else f"{loss:.3f}" for loss in (row.tick.loss, row.tick.val)]
        left = "" if row.seconds_left is None else f"{row.seconds_left:.0f} s"
        table.add_row(row.label, f"{row.tick.step} of {row.tick.steps}", *losses, left)
    return table
