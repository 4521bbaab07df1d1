"""Rows that could not be read, and why."""

import re
from collections.abc import Sequence

from epochwise.data.check.finding import Finding, first_places, shown
from epochwise.data.problems import Problems

BLANK = re.compile(r"\bis (missing|empty)\b")
WHOLE = 240  # characters of a problem


def unread_findings(problems: Sequence[Problems]) -> list[Finding]:
    """Empty questions and answers apart from all else that is wrong."""
    lines = [line for each in problems for line in each.lines]
    blank = [line for line in lines if BLANK.search(line)]
    other = [line for line in lines if not BLANK.search(line)]
    untold = sum(each.more for each in problems)
    return [
        _finding("empty", blank, len(blank), "questions or answers are missing or empty"),
        _finding("unreadable", other, len(other) + untold, "faults for which rows are not read"),
    ]


def _finding(name: str, lines: Sequence[str], count: int, what: str) -> Finding:
    return Finding(
        name,
        "error",
        count,
        what,
        "training refuses the file: mend the rows, or let --fix remove them",
        first_places(shown(line, WHOLE) for line in lines),
    )
