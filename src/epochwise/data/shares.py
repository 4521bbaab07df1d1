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
    kinds: Sequence[str] = ()
    """Of each row, where both sides are to have the share of each kind in each part."""
    sources: Sequence[str] = ()
    """The same for training alone: validation takes sources whole."""

    def shares(self, rows: Sequence[int]) -> dict[str, float]:
        """They add up to 1; in the order of the weights, or of these rows."""
        weights = dict(self.weights) or Counter(self.of[row] for row in rows)
        whole = sum(weights.values())
        return {part: weight / whole for part, weight in weights.items()}


def parts_of(rows: Sequence[Row], data: DataConfig) -> Parts:
    """By source where several are mixed, else by kind where data.stratify asks for it.

    Raises:
        ValueError: data.stratify asks for what no row has.
    """
    by, mixed = data.stratify, data.sources or {}
    names = [row.kind if by == "kind" else row.source for row in rows] if by else []
    if by and not any(names) and not (mixed and by == "source"):
        raise ValueError(
            f"data.stratify={by}: no row has a {by}; leave it out, or name the column that holds"
            f" it: 'data.format={{{by}: THEIRS}}'"
        )
    weights = {name: source.weight for name, source in mixed.items()}
    sizes = {name: source.val_size for name, source in mixed.items()}
    return Parts(
        of=[row.origin for row in rows] if mixed else names if by == "kind" else [ALL] * len(rows),
        weights=weights,
        val={name: size for name, size in sizes.items() if size is not None},
        kinds=names if by == "kind" and mixed else (),
        sources=names if by == "source" else (),
    )


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


def spread(batches: Sequence[list[int]], strata: Sequence[str]) -> list[list[int]]:
    """The batches in an order whose every beginning has about the share of each stratum.

    The n-th of a stratum's m comes at (n - 1/2) / m of the way: Sainte-Lague's method. Those that
    come at the same place keep their order, and all do where there are no strata.

    Example:
        >>> spread([[1], [2], [3], [4], [5], [6]], ["", "a", "a", "a", "a", "b", "b"])
        [[1], [5], [2], [3], [6], [4]]
    """
    if not strata:
        return list(batches)
    whole = Counter(strata[batch[0]] for batch in batches)
    so_far: Counter[str] = Counter()
    places: list[float] = []
    for batch in batches:
        stratum = strata[batch[0]]
        places.append((so_far[stratum] + 0.5) / whole[stratum])
        so_far[stratum] += 1
    return [batches[n] for n in sorted(range(len(batches)), key=places.__getitem__)]


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
        batch = next(batches.get(part, iter(())), None)
        if batch is None:
            return
        taken[part] += len(batch)
        yield from batch
