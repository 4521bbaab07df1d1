"""Which rows each optimizer step takes: a function of (seed, epoch, size) and of nothing else."""

from collections.abc import Iterator, Sequence
from random import Random
from typing import TypeVar

from epochwise.draw import seed_for

T = TypeVar("T")


def order(seed: int, epoch: int, rows: int) -> Sequence[int]:
    """The rows of one pass, by their position in the training subset.

    The first pass takes them as they stand: subsets are beginnings of one order, which data.seed
    has shuffled, so a small size's first pass is the beginning of every larger one's, and both can
    be trained as one. The passes after it are shuffled by `seed`.
    """
    if epoch == 1:
        return range(rows)
    positions = list(range(rows))
    Random(seed_for(seed, "order", epoch)).shuffle(positions)
    return positions


def steps_per_epoch(rows: int, batch_size: int) -> int:
    return -(-rows // batch_size)


def rows_until(step: int, rows: int, batch_size: int) -> int:
    """Rows that the first `step` optimizer steps take.

    >>> [rows_until(step, rows=5, batch_size=2) for step in (0, 2, 3, 4)]
    [0, 4, 5, 7]
    """
    epochs, place = divmod(step, steps_per_epoch(rows, batch_size))
    return epochs * rows + place * batch_size


def cut(rows: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (rows[start : start + size] for start in range(0, len(rows), size))


def steps_of_rows(
    seed: int, rows: int, *, batch_size: int, first: int, last: int
) -> Iterator[Sequence[int]]:
    """The rows of each optimizer step from `first` to `last`, counted from 1 over all epochs.

    >>> list(steps_of_rows(0, 5, batch_size=2, first=2, last=3))
    [range(2, 4), range(4, 5)]
    """
    length = steps_per_epoch(rows, batch_size)
    epoch, place = divmod(first - 1, length)
    number = first
    while number <= last:
        epoch += 1
        steps = list(cut(order(seed, epoch, rows), batch_size))[place : place + last - number + 1]
        yield from steps
        number += len(steps)
        place = 0
