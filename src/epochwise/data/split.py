"""Which rows judge and which train: validation first, and nothing of it in training."""

import unicodedata
from collections import Counter
from collections.abc import Callable
from itertools import islice
from random import Random
from typing import NamedTuple

from epochwise.data.formats import Row

OPERATORS = "*/%"  # Unicode calls them punctuation, but 6*2 and 6/2 are different questions


class Split(NamedTuple):
    """Positions in the list of rows."""

    train: list[int]
    """The first n are the training rows of a run with size n."""
    val: list[int]
    group: list[int]
    """One number a row: rows share it that share a source or a prompt."""


def split(
    rows: list[Row],
    *,
    size: int,
    val_size: int,
    seed: int,
    fits: Callable[[int], bool] = lambda row: True,
) -> Split:
    """Validation rows, the same at every size, and the first `size` of one training order.

    Groups are taken whole for validation, in the order of one shuffle, so no training row shares a
    source or a prompt with a validation row. A row that repeats prompt and answer is left out.

    Args:
        fits: Whether a row may be used; asked only of rows whose turn has come.

    Raises:
        ValueError: There are fewer rows than asked for.

    Example:
        Two rows ask the same, so they stay on one side:

        >>> from epochwise.data.formats import exchange
        >>> asked = ("Is it red?", "Is it new?", "is it RED", "Is it big?")
        >>> rows = [exchange(text, "yes") for text in asked]
        >>> parts = split(rows, size=1, val_size=1, seed=0)
        >>> parts.group, parts.val, parts.train
        ([0, 1, 0, 2], [0], [3])
    """
    prompts = [normalised_prompt(row) for row in rows]
    group = _groups(rows, prompts)
    order = _order(rows, prompts, seed)
    val = _validation(order, group, val_size, fits)
    held_out = {group[row] for row in val}
    rest = (row for row in order if group[row] not in held_out and fits(row))
    train = list(islice(rest, size))
    if len(val) < val_size or len(train) < size:
        raise ValueError(_shortage(len(rows), order, group, (val, val_size), (train, size)))
    return Split(train, val, group)


def normalised_prompt(row: Row) -> str:
    """What the model reads, with everything left out by which copies of a question differ.

    Example:
        >>> from epochwise.data.formats import exchange
        >>> normalised_prompt(exchange("Which  is it:", "red", input="RED or blue?"))
        'which is it red or blue'
    """
    text = "\n".join(_read(row))
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


def _groups(rows: list[Row], prompts: list[str]) -> list[int]:
    """One number a row, counted from 0 in the order of the rows, by union-find."""
    parent = list(range(len(rows)))

    def root(row: int) -> int:
        while parent[row] != row:
            parent[row] = parent[parent[row]]
            row = parent[row]
        return row

    first: dict[tuple[str, str], int] = {}
    for row, prompt in enumerate(prompts):
        keys = [("prompt", prompt)] + [("source", rows[row].source)] * bool(rows[row].source)
        for key in keys:
            parent[root(row)] = root(first.setdefault(key, row))
    number: dict[int, int] = {}
    return [number.setdefault(root(row), len(number)) for row in range(len(rows))]


def _order(rows: list[Row], prompts: list[str], seed: int) -> list[int]:
    """All rows that repeat no earlier one, shuffled: subsets are this list's beginnings."""
    first: dict[tuple[str, str], int] = {}
    for row, prompt in enumerate(prompts):
        first.setdefault((prompt, _said(rows[row])), row)
    order = list(first.values())
    Random(seed).shuffle(order)
    return order


def _said(row: Row) -> str:
    return "\n".join((row.answer, *row.messages[-1].calls)).strip()


def _validation(
    order: list[int], group: list[int], val_size: int, fits: Callable[[int], bool]
) -> list[int]:
    members: dict[int, list[int]] = {}
    for row in order:
        members.setdefault(group[row], []).append(row)
    usable = (row for rows in members.values() for row in rows if fits(row))
    return list(islice(usable, val_size))


def _shortage(
    rows: int,
    order: list[int],
    group: list[int],
    val: tuple[list[int], int],
    train: tuple[list[int], int],
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
    return facts + groups * (largest > 1) + f": {remedy}, or give more rows"
