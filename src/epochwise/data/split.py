"""Which rows judge and which train: validation first, and nothing of it in training."""

import hashlib
import unicodedata
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from random import Random
from typing import NamedTuple

from epochwise.config import DataConfig
from epochwise.data.formats import Row
from epochwise.data.shares import ALL, Parts, behind, dealt, held_out, parts_of, spread

OPERATORS = "*/%"  # Unicode calls them punctuation, but 6*2 and 6/2 are different questions


class Split(NamedTuple):
    """Positions in the list of rows."""

    train: list[int]
    """The first n are the training rows of a run with size n."""
    val: list[int]
    group: list[int]
    """One number a row: rows share it that share a source or a prompt."""


def split(
    rows: Sequence[Row],
    *,
    size: int,
    val_size: int,
    seed: int,
    fits: Callable[[int], bool] = lambda row: True,
    parts: Parts | None = None,
) -> Split:
    """Validation rows, the same at every size, and the first `size` of one training order.

    Groups are taken whole for validation, in the order of one shuffle, so no training row shares a
    source or a prompt with a validation row. A row that repeats prompt and answer is left out.

    Args:
        fits: Whether a row may be used; asked only of rows whose turn has come.
        parts: Shares that both sides keep, as far as whole groups allow it for validation.

    Raises:
        ValueError: There are fewer rows than asked for, of all or of a part.

    Example:
        Two rows ask the same, so they stay on one side:

        >>> from epochwise.data.formats import exchange
        >>> asked = ("Is it red?", "Is it new?", "is it RED", "Is it big?")
        >>> rows = [exchange(text, "yes") for text in asked]
        >>> parts = split(rows, size=1, val_size=1, seed=0)
        >>> parts.group, parts.val, parts.train
        ([0, 1, 0, 2], [0], [3])
    """
    keys = _keys(rows)
    group = _groups(keys)
    order = _order(keys, seed)
    parts = parts or Parts([ALL] * len(rows), {})
    shares = parts.shares(order)
    val = held_out(_by_groups(order, group, parts, fits), shares, parts, val_size)
    judging = {group[row] for row in val}
    rest = _by_rows([row for row in order if group[row] not in judging], parts, fits)
    train = list(islice(dealt(rest, shares), size))
    if len(val) < val_size or len(train) < size:
        taken = train if len(val) == val_size else val
        part = behind(shares, Counter(parts.of[row] for row in taken))
        raise ValueError(_shortage(len(rows), order, group, (val, val_size), (train, size), part))
    return Split(train, val, group)


def split_for(
    data: DataConfig, rows: Sequence[Row], fits: Callable[[int], bool] = lambda row: True
) -> Split:
    """The split that a config asks for.

    Raises:
        ValueError: There are fewer rows than it asks for.
    """
    return split(
        rows,
        size=data.size,
        val_size=data.val_size,
        seed=data.seed,
        fits=fits,
        parts=parts_of(rows, data),
    )


def normalised_prompt(row: Row) -> str:
    """What the model reads, with everything left out by which copies of a question differ.

    Example:
        >>> from epochwise.data.formats import exchange
        >>> normalised_prompt(exchange("Which  is it:", "red", input="RED or blue?"))
        'which is it red or blue'
    """
    return normalised("\n".join(_read(row)))


def normalised(text: str) -> str:
    """Without case, punctuation, and forms and spaces that only writing knows."""
    plain = unicodedata.normalize("NFKC", text).casefold().translate(_WITHOUT_PUNCTUATION)
    return " ".join(plain.split())


def _read(row: Row) -> list[str]:
    """What the model reads before it answers; a document, for which nobody asks, whole."""
    before = row.messages[:-1] or row.messages
    return [*row.tools, *(text for said in before for text in (said.text, *said.calls))]


class _WithoutPunctuation(dict[int, str]):
    """A table for str.translate, filled as characters turn up: Unicode has a million."""

    def __missing__(self, code: int) -> str:
        # By category, as \W would also take the vowel signs of Hindi.
        mark = unicodedata.category(chr(code)).startswith("P") and chr(code) not in OPERATORS
        self[code] = " " if mark else chr(code)
        return self[code]


_WITHOUT_PUNCTUATION = _WithoutPunctuation()


class _Keys(NamedTuple):
    """64 bits of each row's texts in place of the texts, which may be more than memory bears."""

    prompt: "array[int]"
    source: "array[int]"
    """0 for none."""
    answer: "array[int]"


def _keys(rows: Sequence[Row]) -> _Keys:
    keys = _Keys(array("Q"), array("Q"), array("Q"))
    for row in rows:
        keys.prompt.append(_hash(normalised_prompt(row)))
        keys.source.append(_hash(row.source) if row.source else 0)
        keys.answer.append(_hash(_said(row)))
    return keys


def _hash(text: str) -> int:
    digest = hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=8)
    return int.from_bytes(digest.digest(), "little")


def _groups(keys: _Keys) -> list[int]:
    """One number a row, counted from 0 in the order of the rows, by union-find."""
    parent = list(range(len(keys.prompt)))

    def root(row: int) -> int:
        while parent[row] != row:
            parent[row] = parent[parent[row]]
            row = parent[row]
        return row

    for of_rows in (keys.prompt, keys.source):
        first: dict[int, int] = {}
        for row, key in enumerate(of_rows):
            if key:
                parent[root(row)] = root(first.setdefault(key, row))
    number: dict[int, int] = {}
    return [number.setdefault(root(row), len(number)) for row in range(len(parent))]


def _order(keys: _Keys, seed: int) -> list[int]:
    """All rows that repeat no earlier one, shuffled: subsets are this list's beginnings."""
    first: dict[tuple[int, int], int] = {}
    for row, key in enumerate(zip(keys.prompt, keys.answer, strict=True)):
        first.setdefault(key, row)
    order = list(first.values())
    Random(seed).shuffle(order)
    return order


def _said(row: Row) -> str:
    return "\n".join((row.answer, *row.messages[-1].calls)).strip()


def _by_groups(
    order: list[int], group: list[int], parts: Parts, fits: Callable[[int], bool]
) -> dict[str, Iterator[list[int]]]:
    """Each part's groups whole, in the order of their first rows: those of their rows that fit."""
    members: dict[int, list[int]] = {}
    for row in order:
        members.setdefault(group[row], []).append(row)
    return {
        part: ([row] for batch in spread(batches, parts.kinds) for row in batch if fits(row))
        for part, batches in _parted(members.values(), parts).items()
    }


def _by_rows(
    order: list[int], parts: Parts, fits: Callable[[int], bool]
) -> dict[str, Iterator[list[int]]]:
    return {
        part: (batch for batch in spread(batches, parts.kinds or parts.sources) if fits(batch[0]))
        for part, batches in _parted(([row] for row in order), parts).items()
    }


def _parted(batches: Iterable[list[int]], parts: Parts) -> dict[str, list[list[int]]]:
    found: dict[str, list[list[int]]] = {part: [] for part in parts.weights}
    for batch in batches:
        found.setdefault(parts.of[batch[0]], []).append(batch)
    return found


def _shortage(
    rows: int,
    order: list[int],
    group: list[int],
    val: tuple[list[int], int],
    train: tuple[list[int], int],
    part: str,
) -> str:
    """Why there are too few rows; each part is what was found and what was asked for."""
    largest = Counter(group[row] for row in order).most_common(1)[0][1]
    facts = (
        f"got data.val_size={val[1]} and data.size={train[1]}, but of {rows} rows"
        f" ({rows - len(order)} repeat another) {len(val[0])} can validate"
        f" and {len(train[0])} can then train"
    )
    groups = f"; the {largest} rows that share a source or a prompt stay on one side"
    too_few = len(val[0]) < val[1] or not train[0]
    remedy = "lower data.val_size" if too_few else f"set data.size={len(train[0])} or lower"
    of_part = f"; {part!r} has no more rows for its share"
    return facts + groups * (largest > 1) + of_part * bool(part) + f": {remedy}, or give more rows"
