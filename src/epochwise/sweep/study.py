"""A whole study: plan, skip what is done, train in workers, judge, report."""

import fcntl
import importlib.metadata
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from epochwise.config import Config
from epochwise.diagnose.cells import count
from epochwise.diagnose.finding import Finding, find
from epochwise.record import Record, RowLosses, Study, finished, is_done, run_folder, write_json
from epochwise.report import page
from epochwise.sweep import axes
from epochwise.sweep.follower import line, tracked
from epochwise.sweep.plan import Plan, plan
from epochwise.sweep.screen import say, screen
from epochwise.sweep.slots import slots
from epochwise.sweep.supervisor import fork_server, supervise
from epochwise.sweep.worker import train_trunk

SUCCESS, FAILED, WRONG, INTERRUPTED = 0, 1, 2, 130  # exit statuses
LONE = "train"  # the study of a lone run: each starts a folder of its own
PRELOAD = ("epochwise.sweep.preload",)
PACKAGES = ("epochwise", "torch", "lightning", "transformers", "peft", "wandb")
LONGEST_TABLE = 30  # rows: a screen; results.csv and the report have all


def carry_out(
    configs: list[Config],
    *,
    overrides: list[dict[str, Any]],
    command: str,
    jobs: int | None,
    fresh: bool,
    skipped: Sequence[str] = (),
) -> int:
    """Train what is not done yet, then judge and report all of it; the exit status.

    The newest study of this name is continued, unless `fresh`.

    Args:
        overrides: What the command line set, for each config.
        jobs: Trunks at a time; None for one a device, or one a core where there is none.
        skipped: Why runs that were asked for are not among `configs`.
    """
    first = configs[0]
    asked = plan(configs, overrides)
    study = replace(described(asked, first, command), skipped=tuple(skipped))
    try:
        folder, study = opened(Path(first.folder) / first.study, study, fresh=fresh)
    except ValueError as problem:
        say(str(problem))
        return WRONG
    with locked(folder) as ours:
        if not ours:
            say(f"{folder} is being run by another epochwise: wait for it, or give --fresh")
            return WRONG
        study.save(folder)
        return _trained_and_told(asked, first, folder, jobs)


def described(asked: Plan, config: Config, command: str) -> Study:
    """study.json's content for these runs."""
    return Study(
        name=config.study,
        question=config.question,
        command=command,
        axes=asked.axes,
        settings=asked.settings,
        runs=asked.runs,
        versions={name: importlib.metadata.version(name) for name in PACKAGES},
    )


def opened(parent: Path, study: Study, *, fresh: bool) -> tuple[Path, Study]:
    """The folder to work in: the newest of this name, its study extended by this one, or a new one.

    Raises:
        ValueError: The newest one has other settings.
    """
    newest = max(parent.glob("*/study.json"), default=None)
    if fresh or study.name == LONE or newest is None:
        return new_folder(parent), study
    folder = newest.parent
    try:
        return folder, axes.extended(Study.load(folder), study)
    except ValueError as problem:
        raise ValueError(
            f"{folder} was made with other settings:\n{problem}\n"
            "Give --fresh to start anew, or study=NAME to keep both"
        ) from problem


def new_folder(parent: Path) -> Path:
    """An empty folder, named after this moment in UTC: names sort by time and never collide."""
    while True:
        folder = parent / datetime.now(UTC).strftime("%Y-%m-%dT%H-%M-%S.%fZ")
        try:
            folder.mkdir(parents=True)
        except FileExistsError:  # another command in the same microsecond
            continue
        return folder


@contextmanager
def locked(folder: Path) -> Iterator[bool]:
    """Whether this process alone works in the folder; the system frees the lock at its death."""
    file = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        ours = True
    except BlockingIOError:
        ours = False
    try:
        yield ours
    finally:
        os.close(file)


def _trained_and_told(asked: Plan, config: Config, folder: Path, jobs: int | None) -> int:
    left = asked.without(_done(asked, folder))
    _announce(asked, left, folder)
    try:
        _train(left, config, folder, jobs)
    except KeyboardInterrupt:
        kept = f"{len(_done(asked, folder))} of {len(asked.runs)} runs are done and kept"
        say(f"interrupted: {kept}; the same command continues")
        return INTERRUPTED
    undone = len(asked.runs) - len(_done(asked, folder))
    if undone:
        say(f"{undone} of {len(asked.runs)} runs failed; the same command tries them again")
    _report(folder)
    return FAILED if undone else SUCCESS


def _train(left: Plan, config: Config, folder: Path, jobs: int | None) -> None:
    for trunk in left.trunks:
        for run_id in trunk.runs:  # an earlier attempt's journal would be taken for this one's
            shutil.rmtree(run_folder(folder, run_id), ignore_errors=True)
    context = fork_server(PRELOAD)
    (folder / "log").mkdir(exist_ok=True)
    say(line(config.track))
    try:
        with screen(len(left.trunks)) as audience, tracked(folder, config.track, context) as notes:
            supervise(
                left.trunks,
                train_trunk,
                folder=folder,
                slots=slots(jobs, len(left.trunks)),
                context=context,
                audience=audience,
            )
    finally:
        for note in notes:
            say(note)


def _done(asked: Plan, folder: Path) -> list[str]:
    return [run.id for run in asked.runs if is_done(run_folder(folder, run.id))]


def _announce(asked: Plan, left: Plan, folder: Path) -> None:
    runs, done = len(asked.runs), len(asked.runs) - sum(len(trunk.runs) for trunk in left.trunks)
    passes = f"{left.row_passes_trained:,} row passes instead of {left.row_passes_asked:,}"
    trunks = count(len(left.trunks), "trunk")
    work = f"{trunks} to train: {passes}" if left.trunks else "nothing is left to train"
    say(f"{count(runs, 'run')}, {done} done already; {work}; in {folder}")
    for sentence in asked.not_shared:
        say(sentence)


def _report(folder: Path) -> None:
    """Results on standard output: a short table, the finding, and last the path to look at."""
    records = finished(folder)
    if not records:
        print(folder / "log")
        return
    finding, shown = judged(folder)
    Console(file=sys.stdout).print(_table(records))
    print(*finding.sentences[:2], sep="\n")
    print(shown)


def judged(folder: Path) -> tuple[Finding, Path]:
    """The study's finding, from what its runs left, and its page; finding.json is written too."""
    records = finished(folder)
    rows = {r.id: RowLosses.load(run_folder(folder, r.id) / "rows.npz") for r in records}
    finding = find(records, rows)
    write_json(folder / "finding.json", asdict(finding))
    return finding, page.write(folder)


def _table(records: Sequence[Record]) -> Table:
    """The runs of lowest loss first, no more than fit a screen."""
    best = sorted(records, key=lambda record: record.curve[-1].val)[:LONGEST_TABLE]
    table = Table("run", "val loss", "lowest at epoch", "verdict")
    for record in best:
        lowest = min(record.curve, key=lambda point: point.val)
        verdict = (record.verdict or {}).get("verdict", "not judged")
        table.add_row(record.label, f"{record.curve[-1].val:.3f}", str(lowest.epoch), verdict)
    if len(records) > len(best):
        table.caption = f"the best {len(best)} of {len(records)}; results.csv has all"
    return table
