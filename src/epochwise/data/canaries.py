"""Secrets planted among the training rows: what a model knows of them it has learnt by heart.

Carlini et al. 2019 (arXiv 1802.08232): a secret has no pattern, so it can be likelier than secrets
that were never planted only by having been remembered.
"""

from collections.abc import Sequence
from random import Random
from typing import NamedTuple

from transformers import PreTrainedTokenizerBase

from epochwise.config import DataConfig
from epochwise.data.formats import Message, Row
from epochwise.data.tokens import Example, examples

REFERENCES = 256  # secrets that are only measured: exposure ends at log2 of them, 8 bits
DIGITS = 6
APART = 2  # of the first rows, every second one is a secret, so that every size has the same


class Canaries(NamedTuple):
    """Secrets with their tokens: the planted ones first."""

    examples: list[Example]
    repeats: list[int]
    """How often each is planted; 0 for those that are only measured."""

    @property
    def planted(self) -> list[Example]:
        """Each as often as it is planted."""
        pairs = zip(self.examples, self.repeats, strict=True)
        return [example for example, times in pairs for _ in range(times)]


NONE = Canaries([], [])


def canaries(data: DataConfig, tokenizer: PreTrainedTokenizerBase) -> Canaries:
    """The secrets to be planted, and as many as are needed to compare them with."""
    repeats = data.canary_repeats
    if not repeats:
        return NONE
    draw = Random(data.seed)
    lockers = draw.sample(range(1000, 10_000), len(repeats) + REFERENCES)
    rows = [_row(locker, draw) for locker in lockers]
    return Canaries(examples(rows, tokenizer), repeats + [0] * REFERENCES)


def sown(train: Sequence[Example], secrets: Canaries, seed: int) -> list[Example]:
    """As many training rows as before, secrets among the first in the place of the last."""
    planted = secrets.planted
    Random(seed).shuffle(planted)
    rows = iter(train)
    mixed = [
        planted[place // APART] if place % APART else next(rows)
        for place in range(APART * len(planted))
    ]
    return (mixed + list(rows))[: len(train)]


def _row(locker: int, draw: Random) -> Row:
    code = "".join(draw.choices("0123456789", k=DIGITS))
    question = f"What is the code of locker {locker}?"
    return Row((Message("user", question), Message("assistant", code)), place=f"locker {locker}")
