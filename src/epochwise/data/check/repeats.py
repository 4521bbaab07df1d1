"""Rows that say again what another row says."""

from collections.abc import Hashable, Iterable, Sequence

from epochwise.data.check.finding import Finding, Place, first_places
from epochwise.data.check.kin import Kin
from epochwise.data.check.wording import Wording, raw_prompt

Repeats = dict[int, int]
"""Position of each row that repeats an earlier one -> the earlier one's position."""


def exact(rows: Sequence[Wording]) -> Repeats:
    """Prompt and answer are the same, letter for letter."""
    return _repeats((raw_prompt(each.row), each.row.answer) for each in rows)


def normalised(rows: Sequence[Wording]) -> Repeats:
    """Prompt and answer differ in case, punctuation, spaces and forms of letters at most."""
    return _repeats((each.prompt, each.answer) for each in rows)


def near(rows: Sequence[Wording], related: Kin) -> Repeats:
    """The prompt is nearly that of an earlier row, whatever the answers are."""
    earlier = {row: min(others) for row, others in related.near.items() if row < len(rows)}
    return {row: first for row, first in sorted(earlier.items()) if first < row}


def repeat_findings(rows: Sequence[Wording], related: Kin) -> list[Finding]:
    same = exact(rows)
    alike = {row: first for row, first in normalised(rows).items() if row not in same}
    close = near(rows, related)
    share = max(1, len(rows))
    return [
        Finding(
            "duplicates_exact",
            "note",
            len(same),
            "rows repeat prompt and answer of an earlier row, letter for letter",
            "training leaves them out; --fix removes them",
            _places(rows, same),
            len(same) / share,
        ),
        Finding(
            "duplicates_normalised",
            "note",
            len(alike),
            "rows repeat an earlier row but for case, punctuation and spaces",
            "training leaves out those with the same answer; --fix removes them",
            _places(rows, alike),
            len(alike) / share,
        ),
        Finding(
            "duplicates_near",
            "warning",
            len(close),
            "rows ask nearly the same as an earlier row (Jaccard index of 0.8 or more)",
            "training takes them for rows of their own; --fix removes the later ones",
            _places(rows, close),
            len(close) / share,
        ),
        _templated(rows, related),
    ]


def _templated(rows: Sequence[Wording], related: Kin) -> Finding:
    found = [row for row in related.templated if row < len(rows)]
    return Finding(
        "templated",
        "note",
        len(found),
        "questions are nearly all template: words that 1% of the rows share, 50 at least",
        "right for questions about many things; of copies of one text keep a few",
        first_places(Place(rows[row].place, rows[row].row.question) for row in found),
        len(found) / max(1, len(rows)),
    )


def _repeats(keys: Iterable[Hashable]) -> Repeats:
    first: dict[Hashable, int] = {}
    found: Repeats = {}
    for row, key in enumerate(keys):
        before = first.setdefault(key, row)
        if before != row:
            found[row] = before
    return found


def _places(rows: Sequence[Wording], repeats: Repeats) -> tuple[str, ...]:
    return first_places(
        Place(f"{rows[row].place} ~ {rows[first].place}", rows[row].row.question)
        for row, first in repeats.items()
    )
