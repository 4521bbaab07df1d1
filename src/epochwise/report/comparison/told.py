"""A comparison as a person reads it in a terminal."""

from typing import Any

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table

from epochwise.report.comparison.comparison import Comparison, Line
from epochwise.report.comparison.pair import Pair

MOST = 30  # pairs: a screen; --json and --html have all


def told(found: Comparison) -> Group:
    names = [f"{each.name}: {escape(str(each.folder))}" for each in found.sides]
    answers = [
        f"{each.name}: {escape(each.answer)}" for each in found.sides if each.answer is not None
    ]
    parts: list[RenderableType] = [*names, *answers, ""]
    if found.settings:
        parts.append(_table("setting", found, found.settings))
    else:
        parts.append("All settings are the same.")
    return Group(*parts, _table("result", found, found.results), _pairs(found.pairs), *_rest(found))


def _table(head: str, found: Comparison, lines: tuple[Line, ...]) -> Table:
    table = Table(head, *(each.name for each in found.sides), pad_edge=False)
    for line in lines:
        table.add_row(escape(line.key), *(escape(word(value)) for value in line.values))
    return table


def word(value: Any) -> str:
    """A value as it is read: five digits of a number, values of an axis with commas."""
    if isinstance(value, list):
        return ", ".join(word(each) for each in value)
    if value is None:
        return "–"
    return f"{value:.5g}" if isinstance(value, float) else str(value)


def _pairs(pairs: tuple[Pair, ...]) -> Table:
    table = Table("run of A", "beside", "A", "other", "other - A", "9 times in 10", pad_edge=False)
    for pair in pairs[:MOST]:
        losses = [f"{each.curve[-1].val:.4f}" for each in (pair.first, pair.other)]
        table.add_row(escape(pair.first.label), pair.other_side, *losses, *_difference(pair))
    return table


def _difference(pair: Pair) -> tuple[str, str]:
    if pair.difference is None:
        return "", "no validation row in common" if not pair.rows else "not finite"
    colour = "red" if pair.difference.estimate > 0 else "green"
    shown = f"{pair.difference.estimate:+.4f}"
    interval = f"{pair.difference.low:+.4f} to {pair.difference.high:+.4f}"
    return (f"[{colour}]{shown}[/]" if pair.is_sure else shown), interval


def _rest(found: Comparison) -> list[str]:
    more = len(found.pairs) - MOST
    lines = [f"{more} more pairs: --json has all"] if more > 0 else []
    return [*lines, "They differ." if found.differ else "No difference."]
