"""A comparison as a page that opens offline."""

from functools import partial
from pathlib import Path
from typing import Any

from epochwise.diagnose.cells import Cell
from epochwise.record import JSON, read_json
from epochwise.report import document
from epochwise.report.arm import Arm
from epochwise.report.badge import badge
from epochwise.report.chart import Chart, curve_charts
from epochwise.report.comparison.comparison import Comparison
from epochwise.report.comparison.pair import Pair
from epochwise.report.comparison.side import Side
from epochwise.report.comparison.told import word
from epochwise.report.figure.difference import difference_dots
from epochwise.report.language import Words, words
from epochwise.report.legend import Legend
from epochwise.report.numbers.curve import curve
from epochwise.report.numbers.sheet import Sheet
from epochwise.report.said import said

MOST = 40  # pairs in the figure, those of the largest differences; its numbers have all


def write(found: Comparison, path: Path, language: str = "en") -> Path:
    """Leaves the page at `path`; returns it."""
    shown = words(language)
    charts = [*_curves(found, shown), *_differences(found, shown)]
    verdicts = [None if s.chosen is None else badge(s.chosen.verdict, shown) for s in found.sides]
    values: JSON = {
        "found": found,
        "word": word,
        "told": partial(_told, words=shown),
        "verdicts": verdicts,
        "answers": [_answer(side, shown) for side in found.sides],
        "charts": charts,
    }
    figures = {chart.name: chart.figure for chart in charts}
    return document.publish(path, document.html("comparison", figures, shown, values))


def _told(key: str, value: Any, words: Words) -> str:
    """A result as it is read."""
    match key, value:
        case "verdict", str(name):
            return words(f"verdict.{name}.name")
        case "seconds", int() | float():
            return document.duration(value, words)
        case "peak_memory", int() | float():
            return f"{document.number(value, 2)} GiB"
        case _, int():
            return document.number(value, 0)
        case _, float():
            return document.number(value)
    return word(value)


def _answer(side: Side, words: Words) -> str:
    """A study's finding in a sentence; of a run, what it was."""
    if side.is_study:
        return said(read_json(side.folder / "finding.json"), words).sentences[0]
    return "–" if side.chosen is None else side.chosen.label


def _curves(found: Comparison, words: Words) -> list[Chart]:
    """The runs, or the recommended ones, over each other."""
    chosen = [(side.name, side.chosen) for side in found.sides if side.chosen is not None]
    if not chosen:
        return []
    arms = [
        Arm(f"{name}: {record.label}", (Cell({"data.size": 0, "train.epochs": 0}, (record,)),))
        for name, record in chosen
    ]
    by = Legend(tuple(arms), (), words)
    drawn = [curve(arm.label, 0, [record]) for arm, (_, record) in zip(arms, chosen, strict=True)]
    (chart,) = curve_charts(drawn, [record for _, record in chosen], by)
    return [chart._replace(title=words("compare.curves"))]


def _differences(found: Comparison, words: Words) -> list[Chart]:
    known = [pair for pair in found.pairs if pair.difference is not None]
    if not known:
        return []
    about = words("about.differences", count=len(known), sure=sum(pair.is_sure for pair in known))
    widest = sorted((_dot(pair) for pair in known), key=lambda dot: -abs(dot[1]))
    drawn = difference_dots(widest[:MOST], words)
    return [Chart("differences", words("compare.pairs"), about, sheet(known), drawn)]


def _dot(pair: Pair) -> tuple[str, float, float, float]:
    assert pair.difference is not None
    name = f"{pair.other_side} – A: {pair.first.label}"
    return name, pair.difference.estimate, pair.difference.low, pair.difference.high


def sheet(pairs: list[Pair]) -> Sheet:
    columns = ("run", "beside", "first_loss", "other_loss", "difference", "low", "high")
    rows = [
        (pair.first.label, f"{pair.other_side}: {pair.other.label}")
        + (pair.first.curve[-1].val, pair.other.curve[-1].val)
        + _dot(pair)[1:]
        for pair in pairs
    ]
    return Sheet(columns, tuple(rows))
