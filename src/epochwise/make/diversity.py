"""How unlike each other grown rows are."""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from epochwise.endpoint import JSON
from epochwise.evaluate.words import tokens
from epochwise.make.near import Neighbours
from epochwise.make.pool import question

# Words between a verb and its noun, as in "Write a short story": what an opening does without.
SMALL = (
    *("a", "an", "the", "this", "these", "some", "any", "your", "my", "me", "us", "i", "you", "it"),
    *("of", "to", "in", "on", "for", "with", "and", "or", "is", "are", "do", "does", "can"),
    *("could", "would", "how", "what", "which", "who"),
    *("der", "die", "das", "ein", "eine", "un", "une", "le", "la", "les", "el", "los"),
)


class Diversity(NamedTuple):
    """Shares in [0, 1]; the nearer to 1 the more diverse, but for the last."""

    openings: float
    """Distinct first two words that carry meaning, mostly a verb and its noun, of all rows."""
    words: float
    """Distinct words of all (distinct-1, arXiv 1510.03055)."""
    couples: float
    """Distinct pairs of neighbouring words of all (distinct-2)."""
    likeness: float
    """Mean over rows of the highest ROUGE-L with any other row or seed."""


def diversity(rows: Sequence[JSON], seeds: Sequence[JSON]) -> Diversity:
    """How diverse the questions are. Of no rows all is 0."""
    texts = [question(row) for row in rows]
    others = [question(row) for row in seeds]
    parts = [tokens(text) for text in texts]
    known = Neighbours([*texts, *others])
    near = [known.nearest(text, but=place) for place, text in enumerate(texts)]
    return Diversity(
        openings=_distinct(opening(row["instruction"]) for row in rows),
        words=_distinct(word for words in parts for word in words),
        couples=_distinct(couple for words in parts for couple in pairwise(words)),
        likeness=sum(near) / len(near) if near else 0.0,
    )


def opening(instruction: str) -> tuple[str, ...]:
    """The first two words that carry meaning.

    Example:
        >>> opening("Write a short story.")
        ('write', 'short')
    """
    return tuple([word for word in tokens(instruction) if word not in SMALL][:2])


def _distinct(items: Iterable[object]) -> float:
    found = list(items)
    return len(set(found)) / len(found) if found else 0.0
