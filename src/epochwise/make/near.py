"""Texts that say nearly the same: ROUGE-L of 0.7 and more, as self-instruct has it (2212.10560)."""

from array import array
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from epochwise.evaluate.scores import rouge_l
from epochwise.evaluate.words import tokens

NEAR = 0.7


class Posting(NamedTuple):
    """Where a word stands: places of texts, and how often it is in each."""

    places: "array[int]"
    counts: "array[int]"


class Neighbours:
    """Texts of which the nearest to another can be told without comparing it with all.

    Example:
        >>> Neighbours(["Name a red clock.", "Sort these words."]).nearest("Name a red bell.")
        0.75
    """

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self.texts: list[str] = []
        self._lengths = array("q")
        self._postings: dict[str, Posting] = {}
        for text in texts:
            self.add(text)

    def add(self, text: str) -> None:
        words = Counter(tokens(text))
        for word, count in words.items():
            posting = self._postings.setdefault(word, Posting(array("q"), array("q")))
            posting.places.append(len(self.texts))
            posting.counts.append(count)
        self.texts.append(text)
        self._lengths.append(words.total())

    def nearest(self, text: str, *, least: float = 0.0, but: int | None = None) -> float:
        """The highest ROUGE-L F-measure with any of the texts; 0 where none reaches `least`.

        Args:
            but: The place of a text that is passed over: the one that is asked about.
        """
        bounds = self._bounds(text)
        if but is not None:
            bounds[but] = 0
        best = 0.0
        for place in np.argsort(-bounds, kind="stable"):
            if bounds[place] <= best or bounds[place] < least:
                break
            best = max(best, rouge_l(text, self.texts[place]))
        return best if best >= least else 0.0

    def _bounds(self, text: str) -> Float[np.ndarray, " texts"]:
        """What ROUGE-L is at most: no common subsequence is longer than the words in common."""
        words = Counter(tokens(text))
        common = np.zeros(len(self.texts))
        for word, count in words.items():
            if posting := self._postings.get(word):
                places = np.frombuffer(posting.places, np.int64)
                common[places] += np.minimum(np.frombuffer(posting.counts, np.int64), count)
        both = np.frombuffer(self._lengths, np.int64) + words.total()
        return 2 * common / np.maximum(both, 1)
