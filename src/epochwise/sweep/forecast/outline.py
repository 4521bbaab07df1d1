"""An outlook as people read it: a line for each trunk, the totals, and what could be saved."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from epochwise.config import Experiment
from epochwise.diagnose.cells import count
from epochwise.sweep.forecast.estimate import Estimate, Forecast, brief, duration
from epochwise.sweep.forecast.outlook import Outlook
from epochwise.sweep.plan import Plan, Trunk

LONGEST_TABLE = 30  # lines: a screen


def outline(outlook: Outlook) -> Group:
    """What is printed, for a console of 80 columns or more."""
    parts: list[Any] = []
    if outlook.left.trunks:
        parts.append(_table(outlook))
    return Group(*parts, *(Text(line) for line in lines(outlook)))


def lines(outlook: Outlook) -> list[str]:
    """The totals and the sentences below the table."""
    left, whole = outlook.left, outlook.foretold.estimate
    told = [_runs(outlook)]
    told += [f"{number} of them done in {study}" for study, number in _studies(outlook)]
    if left.trunks:
        told += [_work(left, whole), f"{brief(whole)}{_cost(whole)}"]
    told += [*whole.notes, *left.not_shared]
    return told + [f"left out: {reason}" for reason in outlook.skipped]


def _runs(outlook: Outlook) -> str:
    asked, left = outlook.asked, outlook.left
    parts = [count(len(asked.runs), "run")]
    if asked.duplicates:
        parts.append(f"{asked.duplicates} more that equal another by their numbers are merged")
    if outlook.done:
        parts.append(f"{len(outlook.done)} done already and reused")
    if not left.trunks:
        return f"{', '.join(parts)}: nothing is left to train"
    training = sum(len(trunk.runs) for trunk in left.trunks)
    trunks = count(len(left.trunks), "trunk")
    return f"{', '.join(parts)}; {training:,} to train, on {trunks}"


def _studies(outlook: Outlook) -> list[tuple[Path, int]]:
    """In which studies how many runs are done."""
    found = Counter(folder.parents[1] for folder in outlook.done.values())
    return sorted(found.items())


def _work(left: Plan, whole: Estimate) -> str:
    asked = left.row_passes_asked
    saved = 1 - whole.row_passes / asked
    tokens = "tokens not known" if whole.tokens is None else f"{whole.tokens:,} tokens"
    sharing = f", {saved:.0%} less than the {asked:,} of every run by itself" if saved else ""
    return f"{whole.steps:,} steps, {tokens}, {whole.row_passes:,} row passes{sharing}"


def _cost(whole: Estimate) -> str:
    return "" if whole.cost is None else f", cost {whole.cost:,.2f}"


def _table(outlook: Outlook) -> Table:
    """A line for each trunk or, where these are more than a screen, for each arm."""
    trunks = list(zip(outlook.left.trunks, outlook.foretold.forecasts, strict=True))
    named = [(_of_trunk(trunk, outlook.asked), [forecast]) for trunk, forecast in trunks]
    head = "trunk"
    if len(named) > LONGEST_TABLE:
        head = "model and method"
        arms: dict[str, list[Forecast]] = {}
        for trunk, forecast in trunks:
            arms.setdefault(_arm(next(iter(trunk.runs.values()))), []).append(forecast)
        named = list(arms.items())
    table = Table()
    table.add_column(head, ratio=1)
    for name in ("runs", "steps", "worker time"):
        table.add_column(name, justify="right", no_wrap=True)
    for text, forecasts in named[:LONGEST_TABLE]:
        table.add_row(Text(text), *_numbers(forecasts))
    if len(named) > LONGEST_TABLE:
        table.caption = f"{len(named) - LONGEST_TABLE} more lines; --json has all"
    return table


def _numbers(forecasts: Sequence[Forecast]) -> tuple[str, str, str]:
    seconds = [each.seconds for each in forecasts if each.seconds is not None]
    known = len(seconds) == len(forecasts)
    return (
        f"{sum(each.runs for each in forecasts):,}",
        f"{sum(each.workload.steps for each in forecasts):,}",
        duration(sum(seconds)) if known else "not known",
    )


def _arm(run: Experiment) -> str:
    rank = "" if run.peft.rank is None else f" r{run.peft.rank}"
    return f"{run.model.name} {run.model.weights} {run.peft.name}{rank}"


def _of_trunk(trunk: Trunk, asked: Plan) -> str:
    """What is the same in all of its runs, then what they differ in."""
    overrides = [run.overrides for run in asked.runs if run.id in trunk.runs]
    values = {
        key: list(dict.fromkeys(str(run[key]) for run in overrides if key in run))
        for key in asked.axes
    }
    settings = {key: f"{key}={','.join(found)}" for key, found in values.items() if found}
    alike = [text for key, text in settings.items() if len(values[key]) == 1]
    differing = [text for key, text in settings.items() if len(values[key]) > 1]
    return ": ".join(" ".join(part) for part in (alike, differing) if part) or trunk.label
