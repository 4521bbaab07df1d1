"""Texts that say nearly the same: ROUGE-L of 0.7 and more, as self-instruct has it (2212.10560)."""

from collections import Counter
from collections.abc import Sequence
from functools import cache

from epochwise.evaluate.scores import rouge_l
from epochwise.evaluate.words import tokens

__all__ = ["NEAR", "nearest", "rouge_l"]

NEAR = 0.7


def nearest(text: str, others: Sequence[str], *, enough: float = 1.0) -> float:
    """The highest ROUGE-L F-measure of a text with any other; looks no further once it is `enough`.

    The words that two texts have in common bound their longest common subsequence, so most pairs
    need not be compared.

    Example:
        >>> nearest("Name a red bell.", ["Name a red clock.", "Sort these words."])
        0.75
    """
    words = _counts(text)
    bounds = sorted(((_bound(words, _counts(other)), other) for other in others), reverse=True)
    best = 0.0
    for bound, other in bounds:
        if bound <= best or best >= enough:
            break
        best = max(best, rouge_l(text, other))
    return best


def _bound(one: Counter[str], other: Counter[str]) -> float:
    words = one.total() + other.total()
    return 2 * (one & other).total() / words if words else 0.0


@cache
def _counts(text: str) -> Counter[str]:
    return Counter(tokens(text))
