"""Texts to sets of words and word pairs, as 64-bit hashes: what likeness of texts is counted in."""

import hashlib
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import Bool, Int64, UInt64

from epochwise.data.order import cut

# Scripts that put no space between words: each sign counts as a word.
SIGNS = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]"
)
CHUNK = 10_000  # texts at a time: some MB of hashes
SKETCH_BITS = 24  # 16 million counters: more than the shingles that are common can fill
COMMON_SHARE = 0.01
COMMON_ROWS = 50


class Shingles(NamedTuple):
    """The shingles of several texts, one text after the other; a text may hold one twice."""

    hashes: UInt64[np.ndarray, " shingles"]
    starts: Int64[np.ndarray, " texts"]
    """Where each text's begin; every text has at least one."""
    numbers: UInt64[np.ndarray, " texts"]
    """Equal for texts that hold the same words with a digit, equally often."""


def shingles(texts: Sequence[str]) -> Shingles:
    """Each text's words, and its pairs of neighbouring words with both ends marked.

    Pairs keep the order: `is A over B` and `is B over A` are unlike, though their words are equal.

    Args:
        texts: As `split.normalised_prompt` leaves them.
    """
    words = pc.utf8_split_whitespace(pa.array([_spaced(text) for text in texts], pa.string()))
    coded = words.flatten().dictionary_encode()
    known = coded.dictionary.to_pylist()
    code = coded.indices.to_numpy()
    hashed = np.array([_hash(word) for word in known], np.uint64)
    is_number = np.array([any(map(str.isdigit, word)) for word in known], bool)
    offsets = words.offsets.to_numpy().astype(np.int64)
    word = hashed[code]
    numbers = np.add.reduceat(np.where(is_number[code], mixed(word), np.uint64(0)), offsets[:-1])
    return _joined(word, offsets, numbers)


def _joined(
    word: UInt64[np.ndarray, " words"],
    offsets: Int64[np.ndarray, " ends"],
    numbers: UInt64[np.ndarray, " texts"],
) -> Shingles:
    """For a text of n words: n words, then n + 1 pairs."""
    texts, lengths = len(numbers), np.diff(offsets)
    starts = 2 * offsets[:-1] + np.arange(texts)
    row = np.repeat(np.arange(texts), lengths)
    within = np.arange(len(word)) - offsets[:-1][row]
    left = np.zeros(len(word) + texts, np.uint64)  # a text's pairs: (edge, w1), (w1, w2), .. edge
    right = left.copy()
    first = offsets[:-1][row] + row
    right[first + within] = word
    left[first + within + 1] = word
    pairs = mixed(left * np.uint64(3) + right)
    hashes = np.empty(2 * len(word) + texts, np.uint64)
    hashes[starts[row] + within] = word
    pair_row = np.repeat(np.arange(texts), lengths + 1)
    pair_within = np.arange(len(pairs)) - (offsets[:-1] + np.arange(texts))[pair_row]
    hashes[(starts + lengths)[pair_row] + pair_within] = pairs
    return Shingles(hashes, starts, numbers)


def chunks(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    return cut(texts, CHUNK)


class Common(NamedTuple):
    """Which shingles belong to a template: they stand in many of the texts."""

    is_common: Bool[np.ndarray, " counters"]

    def __call__(self, hashes: UInt64[np.ndarray, " shingles"]) -> Bool[np.ndarray, " shingles"]:
        is_common: Bool[np.ndarray, " shingles"] = self.is_common[_counter(hashes)]
        return is_common


def common(counts: Int64[np.ndarray, " counters"], texts: int) -> Common:
    """Shingles in over 1% of the texts, and in at least 50.

    Counted by hash, so that memory stays bounded: a rare shingle that shares a counter with a
    common one passes for common, once in thousands.
    """
    return Common(counts > max(COMMON_ROWS, COMMON_SHARE * texts))


def counted(shingled: Shingles) -> Int64[np.ndarray, " counters"]:
    return np.bincount(_counter(shingled.hashes), minlength=1 << SKETCH_BITS).astype(np.int64)


def _counter(hashes: UInt64[np.ndarray, " shingles"]) -> Int64[np.ndarray, " shingles"]:
    counters: Int64[np.ndarray, " shingles"] = (hashes >> np.uint64(64 - SKETCH_BITS)).astype(
        np.int64
    )
    return counters


def mixed(values: UInt64[np.ndarray, "..."]) -> UInt64[np.ndarray, "..."]:
    """Splitmix64's last steps: each bit of a value reaches all bits (Steele et al. 2014)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    last: UInt64[np.ndarray, ...] = values ^ (values >> np.uint64(31))
    return last


def _spaced(text: str) -> str:
    return text if text.isascii() else " ".join(SIGNS.sub(r" \g<0> ", text).split())


@lru_cache(maxsize=1 << 18)
def _hash(word: str) -> int:
    """The same on every machine and day, unlike Python's own."""
    return int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest())
