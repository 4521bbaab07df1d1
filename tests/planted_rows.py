"""Rows that are all different, and copies of some, as far from them as one likes."""

from collections.abc import Sequence
from itertools import pairwise
from random import Random
from typing import NamedTuple


class Planted(NamedTuple):
    texts: list[str]
    copies: list[tuple[int, int]]
    """Positions of an original and of its copy."""


def vocabulary(words: int, *, seed: int = 0) -> list[str]:
    """Invented words, the frequent ones first."""
    rng = Random(seed)
    syllables = [c + v for c in "bdfghklmnprstvz" for v in "aeiou"]
    return ["".join(rng.choices(syllables, k=2 + n % 3)) for n in range(words)]


def planted(count: int, *, every: int, seed: int = 0) -> Planted:
    """`count` distinct texts of 30 to 60 words, and a near copy of every so-manyth.

    Words are drawn by Zipf's law, as those of real texts are. Copies have a Jaccard index of their
    words and word pairs of 0.9 or a little more.
    """
    rng = Random(seed)
    words = vocabulary(30_000)
    weights = [1 / (rank + 10) for rank in range(len(words))]
    pool = rng.choices(words, weights, k=4_000_000 if count > 50_000 else 400_000)
    texts = [" ".join(_text(pool, rng)) for _ in range(count)]
    copies: list[tuple[int, int]] = []
    for original in range(0, count, every):
        copies.append((original, len(texts)))
        texts.append(" ".join(near_copy(texts[original].split(), words, rng)))
    return Planted(texts, copies)


def near_copy(text: Sequence[str], words: Sequence[str], rng: Random) -> list[str]:
    """With words exchanged for others, as many as leave the likeness at 0.9 or over."""
    copy = list(text)
    while True:
        changed = list(copy)
        changed[rng.randrange(len(copy))] = rng.choice(words)
        if likeness(text, changed) < 0.9:
            return copy
        copy = changed


def likeness(one: Sequence[str], other: Sequence[str]) -> float:
    """Jaccard index of words and pairs of neighbours, counted in the plainest way."""
    sets = [{*words, *pairwise(["", *words, ""])} for words in (list(one), list(other))]
    return len(sets[0] & sets[1]) / len(sets[0] | sets[1])


def _text(pool: Sequence[str], rng: Random) -> Sequence[str]:
    start = rng.randrange(len(pool) - 60)
    piece = list(pool[start : start + rng.randint(30, 60)])
    rng.shuffle(piece)
    return piece
