r"""Pairs of texts that are nearly the same: MinHash finds candidates, exact counting confirms them.

The likeness of two texts is the Jaccard index of their shingles, J = |A & B| / |A | B|. Under a
random order of all shingles two texts have the same least one with probability J (Broder 1997,
"On the resemblance and containment of documents"). With b bands of r such minima each, they agree
on all of some band with probability 1 - (1 - J^r)^b (Leskovec, Rajaraman, Ullman, "Mining of
Massive Datasets", 3.4). Here r = 4 and b = 24: 0.79 at J = 0.5, 0.9986 at 0.7.

What stands in over 1% of the texts is a template, and likeness in it says nothing: `What is the
capital of Varn?` and `... of Lorn?` ask different things. So candidates are looked for in the rest
of each text, its own part, and there too half must agree. Texts with different numbers never pair.
A text that is nearly all template is told as such: hundreds of copies of one text look the same.
"""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64, Int64, UInt64

from epochwise.data.check.shingles import Common, Shingles, chunks, common, counted, mixed, shingles
from epochwise.data.order import cut

NEAR = 0.8  # Jaccard index from which two texts are nearly the same
OWN = 0.5  # of their own parts, which a template's words do not fill up
ROWS, BANDS = 4, 24
SEED = 20_250_101  # of the random orders: the same pairs are found on every machine
CROWD = 32  # texts of one bucket that each is compared with: a copy of a copy is still linked
CONFIRMED_AT_ONCE = 20_000  # pairs: bounds the memory


class Pair(NamedTuple):
    """Positions in the list of texts, the earlier first."""

    first: int
    second: int
    likeness: float


class Near(NamedTuple):
    pairs: list[Pair]
    """In the order of the texts."""
    templated: list[int]
    """Positions of texts that are nearly all template."""


def near(
    texts: Sequence[str],
    on_text: Callable[[int], None] = lambda count: None,
    *,
    among: Sequence[int] | None = None,
) -> Near:
    """Pairs of different texts with a Jaccard index of NEAR or more.

    Args:
        texts: Normalised, all different.
        among: Positions of those that are compared; what is a template all texts tell.
        on_text: Told how many texts more are done; each is gone through twice.

    Example:
        >>> near(["who was the first king of the old town of varn in the north by the sea",
        ...       "who was the first king of the old town of varn in the north by a sea"]).pairs
        [Pair(first=0, second=1, likeness=0.8529411764705882)]
    """
    if not texts:
        return Near([], [])
    counts = sum(_counted(part, on_text) for part in chunks(texts))
    template = common(np.asarray(counts), len(texts))
    compared = np.arange(len(texts)) if among is None else np.unique(among)
    keys, own = _band_keys([texts[text] for text in compared.tolist()], template, on_text)
    candidates = [compared[side].tolist() for side in _candidates(keys)]
    batches = cut(list(zip(*candidates, strict=True)), CONFIRMED_AT_ONCE)
    found = chain.from_iterable(_confirmed(texts, batch, template) for batch in batches)
    return Near(list(found), compared[own <= 1 - NEAR].tolist())


def groups(pairs: Iterable[Pair], texts: int) -> list[int]:
    """For each text the first one that it is linked with, by any number of pairs: often itself."""
    parent = list(range(texts))

    def root(text: int) -> int:
        while parent[text] != text:
            parent[text] = parent[parent[text]]
            text = parent[text]
        return text

    for pair in pairs:
        first, second = sorted((root(pair.first), root(pair.second)))
        parent[second] = first
    return [root(text) for text in range(texts)]


def _counted(
    texts: Sequence[str], on_text: Callable[[int], None]
) -> Int64[np.ndarray, " counters"]:
    counts = counted(shingles(texts))
    on_text(len(texts))
    return counts


class Keyed(NamedTuple):
    keys: UInt64[np.ndarray, "texts bands"]
    """Texts are candidates where they agree in one; a text without an own part agrees with none."""
    own: Float64[np.ndarray, " texts"]
    """Share of each text's shingles that are no template's."""


def _band_keys(texts: Sequence[str], template: Common, on_text: Callable[[int], None]) -> Keyed:
    def keyed(part: Sequence[str]) -> Keyed:
        found = _keyed(shingles(part), template)
        on_text(len(part))
        return found

    with ThreadPoolExecutor(max_workers=2) as pool:  # numpy counts outside the interpreter's lock
        keys, own = zip(*pool.map(keyed, chunks(texts)), strict=True)
    return Keyed(np.concatenate(keys), np.concatenate(own))


def _keyed(shingled: Shingles, template: Common) -> Keyed:
    is_own = ~template(shingled.hashes)
    counts = np.add.reduceat(is_own.astype(np.int64), shingled.starts)
    lengths = np.diff(np.append(shingled.starts, len(is_own)))
    told = np.flatnonzero(counts)
    keys = np.arange(len(counts) * BANDS, dtype=np.uint64).reshape(-1, BANDS)  # all different
    if len(told):
        starts = np.concatenate([[0], np.cumsum(counts[told])[:-1]])
        keys[told] = _bands(shingled.hashes[is_own], starts, shingled.numbers[told])
    return Keyed(keys, counts / lengths)


def _bands(
    hashes: UInt64[np.ndarray, " shingles"],
    starts: Int64[np.ndarray, " texts"],
    numbers: UInt64[np.ndarray, " texts"],
) -> UInt64[np.ndarray, "texts bands"]:
    keys = np.repeat(numbers[:, None], BANDS, axis=1)
    for band in range(BANDS):
        for row in range(ROWS):
            least = _least(hashes, starts, band * ROWS + row)
            keys[:, band] = mixed(keys[:, band] * np.uint64(31) + least)
    return keys


def _least(
    hashes: UInt64[np.ndarray, " shingles"], starts: Int64[np.ndarray, " texts"], number: int
) -> UInt64[np.ndarray, " texts"]:
    """Each text's least shingle in the random order of that number."""
    shift, factor = ORDERS[number]
    return np.minimum.reduceat((hashes ^ shift) * factor, starts)


def _orders() -> UInt64[np.ndarray, "orders two"]:
    drawn = np.random.default_rng(SEED).integers(0, 2**64, (BANDS * ROWS, 2), np.uint64)
    drawn[:, 1] |= np.uint64(1)  # an odd factor makes the product a permutation
    return drawn


ORDERS = _orders()


def _candidates(
    keys: UInt64[np.ndarray, "texts bands"],
) -> tuple[Int64[np.ndarray, " pairs"], Int64[np.ndarray, " pairs"]]:
    found = [_of_one_band(keys[:, band]) for band in range(BANDS)]
    pairs = np.unique(np.concatenate(found))
    return pairs // len(keys), pairs % len(keys)


def _of_one_band(keys: UInt64[np.ndarray, " texts"]) -> Int64[np.ndarray, " pairs"]:
    """Pairs in one bucket, each as one number; in a crowded bucket only neighbours."""
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    found = [np.empty(0, np.int64)]
    for apart in range(1, min(CROWD, len(keys) - 1) + 1):
        same = ordered[apart:] == ordered[:-apart]
        if not same.any():
            break
        found.append(order[:-apart][same] * len(keys) + order[apart:][same])
    return np.unique(np.concatenate(found))


def _confirmed(
    texts: Sequence[str], pairs: Sequence[tuple[int, int]], template: Common
) -> list[Pair]:
    used = sorted({text for pair in pairs for text in pair})
    sets = dict(zip(used, _sets([texts[text] for text in used], template), strict=True))
    found: list[Pair] = []
    for first, second in pairs:
        (whole_1, own_1), (whole_2, own_2) = sets[first], sets[second]
        likeness = jaccard(whole_1, whole_2)
        if likeness >= NEAR and jaccard(own_1, own_2) >= OWN:
            found.append(Pair(first, second, likeness))
    return found


def _sets(texts: Sequence[str], template: Common) -> list[tuple[set[int], set[int]]]:
    """All shingles of each text, and those of its own part."""
    shingled = shingles(texts)
    is_own = ~template(shingled.hashes)
    ends = [*shingled.starts[1:].tolist(), len(shingled.hashes)]
    sets = []
    for start, end in zip(shingled.starts.tolist(), ends, strict=True):
        hashes, own = shingled.hashes[start:end], is_own[start:end]
        sets.append((set(hashes.tolist()), set(hashes[own].tolist())))
    return sets


def jaccard(one: set[int], other: set[int]) -> float:
    """Share of what either holds that both hold.

    >>> jaccard({1, 2, 3}, {2, 3, 4})
    0.5
    """
    both = len(one & other)
    return both / (len(one) + len(other) - both)
