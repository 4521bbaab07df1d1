"""A whole study: plan, skip what is done, train in workers, judge, report."""

import importlib.metadata
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from types import FrameType
from typing import Any

from rich.console import Console
from rich.table import Table

from epochwise.config import Config
from epochwise.diagnose.cells import count
from epochwise.diagnose.finding import Finding, study_finding
from epochwise.record import Record, Study, finished, is_done, run_folder, write_json
from epochwise.report import page
from epochwise.sweep import ledger
from epochwise.sweep.executors import PRELOAD, executor_for, slots_for
from epochwise.sweep.folder import locked, opened
from epochwise.sweep.follower import line, tracked
from epochwise.sweep.forecast.measure import Workers
from epochwise.sweep.forecast.reckoning import is_worth_timing, reckoned, with_earlier
from epochwise.sweep.further import by_id
from epochwise.sweep.launch import Launch
from epochwise.sweep.ledger_place import ledger_path
from epochwise.sweep.local import fork_server
from epochwise.sweep.plan import Plan, plan
from epochwise.sweep.reuse import done_elsewhere, taken_over
from epochwise.sweep.screen import say, screen
from epochwise.sweep.slots import Slot, slots
from epochwise.sweep.supervisor import Executor, Supervisor

SUCCESS, FAILED, WRONG, INTERRUPTED = 0, 1, 2, 130  # exit statuses
PACKAGES = ("epochwise", "torch", "lightning", "transformers", "peft", "wandb")
LONGEST_TABLE = 30  # rows: a screen; results.csv and the report have all


def carry_out(
    configs: list[Config],
    *,
    overrides: list[dict[str, Any]],
    launch: Launch,
    skipped: Sequence[str] = (),
) -> int:
    """Train what is not done yet, then judge and report all of it; the exit status.

    The newest study of this name is continued, unless a fresh one is asked for. Then come the
    runs that its finding asks for, where that is wished.

    Args:
        overrides: What the command line set, for each config.
        skipped: Why runs that were asked for are not among `configs`.
    """
    status, finding = _carried_out(configs, overrides, launch, skipped)
    if finding is None:
        return status
    asked_for = launch.further.runs(finding, by_id(configs)) if launch.further.asked else []
    if launch.seeds_where_needed and finding.sure:
        say("its finding is sure: no further seed is needed")
    for config in asked_for:
        say(f"its finding asks for {config.label}")
    if not asked_for:
        return status
    every = [*overrides, *({} for _ in asked_for)]
    again = replace(launch, fresh=False)
    return _carried_out([*configs, *asked_for], every, again, skipped)[0]


def _carried_out(
    configs: list[Config],
    overrides: list[dict[str, Any]],
    launch: Launch,
    skipped: Sequence[str],
) -> tuple[int, Finding | None]:
    """The exit status, and the finding where all runs are done."""
    first = configs[0]
    try:
        places = slots_for(launch, len(configs), first.trainer.devices)
        asked = plan(configs, overrides, slots=places)
        study = replace(described(asked, first, launch.command), skipped=tuple(skipped))
        folder, study = opened(Path(first.folder) / first.study, study, fresh=launch.fresh)
    except ValueError as problem:
        say(str(problem))
        return WRONG, None
    with locked(folder) as ours:
        if not ours:
            say(f"{folder} is being run by another epochwise: wait for it, or give --fresh")
            return WRONG, None
        with_earlier(study, folder).save(folder)
        return _trained_and_told(asked, first, folder, launch)


def described(asked: Plan, config: Config, command: str) -> Study:
    """study.json's content for these runs."""
    return Study(
        name=config.study,
        question=config.question,
        command=command,
        axes=asked.axes,
        settings=asked.settings,
        runs=asked.runs,
        report=config.report.model_dump(mode="json"),
        versions={name: importlib.metadata.version(name) for name in PACKAGES},
    )


def _trained_and_told(
    asked: Plan, config: Config, folder: Path, launch: Launch
) -> tuple[int, Finding | None]:
    done = _done(asked, folder)
    reused = {} if launch.fresh else _reused(asked, Path(config.folder), folder)
    devices = config.trainer.devices
    left = asked.without([*done, *reused], slots_for(launch, len(asked.runs), devices))
    _announce(asked, left, len(done), reused, folder)
    try:
        executor = executor_for(launch, folder, trunks=len(left.trunks), devices=devices)
    except ValueError as problem:
        say(str(problem))
        return WRONG, None
    try:
        with (
            closing(executor),
            _terminated_as_interrupted(),
            reckoned(left, config.trainer, _measuring(left, config, launch), folder) as ordered,
        ):
            _train(asked, ordered, config, folder, launch, executor)
    except KeyboardInterrupt:
        kept = f"{len(_done(asked, folder))} of {len(asked.runs)} runs are done and kept"
        say(f"interrupted: {kept}; the same command continues")
        return INTERRUPTED, None
    undone = len(asked.runs) - len(_done(asked, folder))
    if undone:
        say(f"{undone} of {len(asked.runs)} runs failed; the same command tries them again")
    finding = _report(folder, config.report.language)
    return (FAILED, None) if undone else (SUCCESS, finding)


def _measuring(left: Plan, config: Config, launch: Launch) -> Workers:
    """Workers like those that will train; in a short study they measure nothing new."""
    each = config.trainer.devices
    if launch.where is not None:  # what this machine takes says nothing of a cluster
        return Workers(None, [Slot(None, 1)] * slots_for(launch, len(left.trunks), each))
    context = fork_server(PRELOAD) if is_worth_timing(config.study, left) else None
    return Workers(context, slots(launch.n_jobs, len(left.trunks), each=each))


def _train(
    asked: Plan, left: Plan, config: Config, folder: Path, launch: Launch, executor: Executor
) -> None:
    context = fork_server(PRELOAD)
    (folder / "log").mkdir(exist_ok=True)
    say(line(config.track))
    file = ledger_path(folder)
    if file.parent != folder:
        say(f"ledger: {file}, as {folder} is on a network file system")
    notes: list[str] = []  # said once the screen is gone
    try:
        with (
            ledger.opened(file) as book,
            screen(left.trunks) as audience,
            tracked(folder, config.track, context) as notes,
        ):
            _settle(book, asked, left, folder)
            supervisor = Supervisor(book, executor, audience, launch.policy)
            supervisor.supervise(left.trunks, folder, config.trainer, launch.command)
    finally:
        for note in notes:
            say(note)


def _settle(book: ledger.Ledger, asked: Plan, left: Plan, folder: Path) -> None:
    """Bring the ledger up to what the run folders say; what failed before is tried again."""
    book.recover(lambda run: is_done(run_folder(folder, run)))
    trunk_of = {run.id: run.trunk for run in asked.runs}
    trunk_of |= {run: trunk.id for trunk in left.trunks for run in trunk.runs}
    book.add(trunk_of.items())
    book.recover(lambda run: is_done(run_folder(folder, run)))
    book.retry(run for trunk in left.trunks for run in trunk.runs)


@contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """SIGTERM ends a study as Ctrl-C does: states kept, workers gone."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _done(asked: Plan, folder: Path) -> list[str]:
    return [run.id for run in asked.runs if is_done(run_folder(folder, run.id))]


def _reused(asked: Plan, home: Path, folder: Path) -> dict[str, Path]:
    wanted = {run.id for run in asked.runs} - set(_done(asked, folder))
    return taken_over(done_elsewhere(home, wanted, apart_from=folder), folder)


def _announce(asked: Plan, left: Plan, done: int, reused: dict[str, Path], folder: Path) -> None:
    passes = f"{left.row_passes_trained:,} row passes instead of {left.row_passes_asked:,}"
    trunks = count(len(left.trunks), "trunk")
    work = f"{trunks} to train: {passes}" if left.trunks else "nothing is left to train"
    say(f"{count(len(asked.runs), 'run')}, {done} done already; {work}; in {folder}")
    if asked.duplicates:
        say(f"{asked.duplicates} more stand for the same numbers as another, and are merged")
    for study in sorted({path.parents[1] for path in reused.values()}):
        runs = count(sum(path.parents[1] == study for path in reused.values()), "run")
        say(f"{runs} reused from {study}; --fresh trains anew")
    for sentence in left.not_shared:
        say(sentence)


def _report(folder: Path, language: str) -> Finding | None:
    """Results on standard output: a short table, the finding, and last the path to look at."""
    records = finished(folder)
    if not records:
        print(folder / "log")
        return None
    finding, shown = judged(folder, language)
    Console(file=sys.stdout).print(_table(records))
    print(*finding.sentences[:2], sep="\n")
    print(shown)
    return finding


def judged(folder: Path, language: str = "en") -> tuple[Finding, Path]:
    """The study's finding, from what its runs left, and its page; finding.json is written too."""
    finding = study_finding(folder)
    write_json(folder / "finding.json", asdict(finding))
    return finding, page.write(folder, language)


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
