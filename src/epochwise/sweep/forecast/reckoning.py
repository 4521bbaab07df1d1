"""What a study will take and what it took, kept side by side in study.json."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from epochwise.config import TrainerConfig
from epochwise.record import JSON, Record, Study, is_done, read_json, run_folder
from epochwise.sweep.folder import LONE
from epochwise.sweep.forecast.estimate import GIB, brief
from epochwise.sweep.forecast.foretell import foretold
from epochwise.sweep.forecast.measure import Workers
from epochwise.sweep.plan import Plan
from epochwise.sweep.screen import say
from epochwise.sweep.worker import trunk_home
from epochwise.train import journal
from epochwise.train.trajectory import Stretch, stretch

WORTH_TIMING = 60  # optimizer steps of a study; timing takes about 3, even of a large model


def is_worth_timing(study: str, left: Plan) -> bool:
    """Whether a study is long enough for a few steps to be timed before it starts."""
    return study != LONE and sum(trunk.steps for trunk in left.trunks) >= WORTH_TIMING


@contextmanager
def reckoned(left: Plan, config: TrainerConfig, workers: Workers, folder: Path) -> Iterator[Plan]:
    """Around the training of a study: it is told what it will take, and kept what it took.

    Gives the plan with its trunks in the order in which they are best begun. What it took is kept
    only where all of it was done: else the two do not compare.
    """
    if not left.trunks:
        yield left
        return
    whole, forecasts = foretold(left, config, workers)
    for line in (brief(whole), *whole.notes):
        say(line)
    replace(Study.load(folder), estimate=whole.json(), outcome=None).save(folder)
    before, begin = _size(folder), time.monotonic()
    place = {forecast.trunk: number for number, forecast in enumerate(forecasts)}
    yield replace(left, trunks=tuple(sorted(left.trunks, key=lambda trunk: place[trunk.id])))
    if all(is_done(run_folder(folder, run)) for trunk in left.trunks for run in trunk.runs):
        seconds = workers.waited + time.monotonic() - begin
        outcome = _outcome(left, folder) | {
            "seconds": seconds,
            "disk": (_size(folder) - before) / GIB,
        }
        replace(Study.load(folder), outcome=outcome).save(folder)


def with_earlier(study: Study, folder: Path) -> Study:
    """The study with what is kept of an earlier command on it."""
    if not (folder / "study.json").is_file():
        return study
    there = Study.load(folder)
    return replace(study, estimate=there.estimate, outcome=there.outcome)


def _outcome(left: Plan, folder: Path) -> JSON:
    """By the same names as those of Estimate."""
    trees = [stretch({run: left.paths[run] for run in trunk.runs}) for trunk in left.trunks]
    runs = [run for trunk in left.trunks for run in trunk.runs]
    progress = [read_json(trunk_home(folder, trunk.id) / "progress.json") for trunk in left.trunks]
    return {
        "runs": len(runs),
        "trunks": len(trees),
        "steps": sum(told["step"] for told in progress),
        "tokens": sum(_tokens(tree, folder, before=0) for tree in trees),
        "peak_memory": max(_record(folder, run).summary.peak_memory for run in runs),
    }


def _tokens(part: Stretch, folder: Path, *, before: int) -> int:
    """Tokens trained on, each stretch once; `before` have been when this one begins."""
    if not part.branches:
        return _record(folder, part.leader).summary.tokens - before
    lines = journal.read(run_folder(folder, part.leader) / "journal.jsonl")
    after: int = next(
        line["tokens"] for line in lines if line["kind"] == "step" and line["step"] == part.last
    )
    return after - before + sum(_tokens(next, folder, before=after) for next in part.branches)


def _record(folder: Path, run: str) -> Record:
    return Record.load(run_folder(folder, run) / "record.json")


def _size(folder: Path) -> int:
    """Bytes of the runs and of the states that are kept."""
    parts = (folder / "runs", folder / "trunks")
    files = (file for part in parts for file in part.rglob("*"))
    return sum(file.stat().st_size for file in files if file.is_file())
