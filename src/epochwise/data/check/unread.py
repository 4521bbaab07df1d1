"""Rows that could not be read, and why."""

import re
from collections.abc import Sequence

from epochwise.data.check.finding import Finding, first_places, shown

BLANK = re.compile(r"\bis (missing|empty)\b")
WHOLE = 240  # characters of a problem


def unread_findings(problems: Sequence[str]) -> list[Finding]:
    """Empty questions and answers apart from all else that is wrong."""
    blank = [problem for problem in problems if BLANK.search(problem)]
    other = [problem for problem in problems if not BLANK.search(problem)]
    return [
        _finding("empty", blank, "questions or answers are missing or empty"),
        _finding("unreadable", other, "rows cannot be read"),
    ]


def _finding(name: str, problems: Sequence[str], what: str) -> Finding:
    return Finding(
        name,
        "error",
        len(problems),
        what,
        "training refuses the file: mend the rows, or let --fix remove them",
        first_places(shown(problem, WHOLE) for problem in problems),
    )
