"""Rows dealt out so that every beginning has the same shares of each part."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, islice
from types import MappingProxyType
from typing import NamedTuple

from epochwise.config import DataConfig
from epochwise.data.formats import Row

ALL = ""  # the one part of rows that are not told apart
NONE: Mapping[str, int] = MappingProxyType({})


class Parts(NamedTuple):
    """Which part each row belongs to, and what share of the rows each is to have."""

    of: list[str]
    weights: Mapping[str, float]
    """Empty for the share that the part has of all rows."""
    val: Mapping[str, int] = NONE
    """Validation rows of the parts for which their number is said."""

    def shares(self, rows: Sequence[int]) -> dict[str, float]:
        """They add up to 1; in the order of the weights, or of these rows."""
        weights = dict(self.weights) or Counter(self.of[row] for row in rows)
        whole = sum(weights.values())
        return {part: weight / whole for part, weight in weights.items()}


def parts_of(rows: Sequence[Row], data: DataConfig) -> Parts:
    """By source where several are mixed; by source or kind where data.stratify asks for it."""
    if data.sources:
        weights = {name: source.weight for name, source in data.sources.items()}
        sizes = {name: source.val_size for name, source in data.sources.items()}
        said = {name: size for name, size in sizes.items() if size is not None}
        return Parts([row.origin for row in rows], weights, said)
    if data.stratify == "kind":
        return Parts([row.kind for row in rows], {})
    return Parts([ALL] * len(rows), {})


def behind(shares: Mapping[str, float], taken: Mapping[str, int]) -> str:
    """The part whose turn it is: the one that would be furthest behind its share."""
    count = sum(taken.values()) + 1
    return max(shares, key=lambda part: shares[part] * count - taken.get(part, 0))


def held_out(
    batches: Mapping[str, Iterator[list[int]]], shares: Mapping[str, float], parts: Parts, size: int
) -> list[int]:
    """At most `size` rows that validate: of some parts as many as is said, the rest dealt out.

    Raises:
        ValueError: A part has fewer than is said.
    """
    found: list[int] = []
    for part, count in parts.val.items():
        own = (row for row in chain.from_iterable(batches.get(part, ())) if parts.of[row] == part)
        taken = list(islice(own, count))
        if len(taken) < count:
            raise ValueError(
                f"data.sources.{part}.val_size={count}: only {len(taken)} of its rows can validate:"
                " lower it, or give more rows"
            )
        found += taken
    left = {part: share for part, share in shares.items() if part not in parts.val}
    whole = sum(left.values()) if parts.val else 1.0
    rest = dealt(batches, {part: share / whole for part, share in left.items()}) if left else ()
    return found + list(islice(rest, size - len(found)))


def dealt(batches: Mapping[str, Iterator[list[int]]], shares: Mapping[str, float]) -> Iterator[int]:
    """Rows of all parts; each time the next batch of the part that is furthest behind its share.

    Ends where that part has no more: others in its place would change the shares.

    Example:
        >>> of_two = {"a": iter([[1], [2], [3], [4]]), "b": iter([[11], [12]])}
        >>> list(dealt(of_two, {"a": 2 / 3, "b": 1 / 3}))
        [1, 11, 2, 3, 12, 4]
    """
    taken: Counter[str] = Counter()
    while True:
        part = behind(shares, taken)
        batch = next(batches[part], None)
        if batch is None:
            return
        taken[part] += len(batch)
        yield from batch
