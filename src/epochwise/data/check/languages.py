"""Which languages prompts and answers are in."""

from collections import Counter
from collections.abc import Callable, Sequence
from random import Random
from typing import NamedTuple

from epochwise.data.check.finding import Finding, Place, first_places
from epochwise.data.check.reading import Reading
from epochwise.data.language import language, tells_language

SAMPLE = 3000  # rows: a share is known to within 2 points, and the classifier takes 0.5 ms a text
SIGNS = 300  # of a text: more tell no more
STRAY = 0.02  # share of answers in another language than their prompt that is more than chance


class Languages(NamedTuple):
    sampled: int
    answers: dict[str, int]
    """Language, ISO 639-1 -> answers, the most first; texts too short to tell are left out."""
    strays: list[int]
    """Sampled rows whose answer is in another language than the prompt."""
    compared: int


def languages(
    rows: Sequence[Reading], on_row: Callable[[int], None] = lambda count: None
) -> Languages:
    chosen = range(len(rows))
    sample = sorted(Random(0).sample(chosen, min(SAMPLE, len(rows))))
    counts: Counter[str] = Counter()
    strays: list[int] = []
    compared = 0
    for row in sample:
        asked, said = (_told(text) for text in (rows[row].row.question, rows[row].row.answer))
        counts.update([said] if said else [])
        compared += bool(asked and said)
        strays += [row] if asked and said and asked != said else []
        on_row(1)
    return Languages(len(sample), dict(counts.most_common()), strays, compared)


def language_finding(rows: Sequence[Reading], found: Languages) -> Finding:
    share = len(found.strays) / max(1, found.compared)
    places = (
        Place(
            f"{rows[row].place} ({_told(rows[row].row.question)},"
            f" answered in {_told(rows[row].row.answer)})",
            rows[row].row.answer,
        )
        for row in found.strays
    )
    return Finding(
        "answers_in_another_language",
        "warning" if share > STRAY else "note",
        len(found.strays),
        f"of {found.sampled:,} sampled rows are answered in another language than asked",
        "right for translations; else the model learns to answer so: remove them",
        first_places(places),
        share,
    )


def _told(text: str) -> str:
    return language(text[:SIGNS]) if tells_language(text[:SIGNS]) else ""
