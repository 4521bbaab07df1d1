"""Examples to padded batches, batches to optimizer steps, in an order that a seed fixes."""

from collections.abc import Iterator, Sequence
from random import Random
from typing import NamedTuple

import torch
from jaxtyping import Bool, Int
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from epochwise.data.tokens import Example
from epochwise.draw import seed_for


class Batch(NamedTuple):
    input_ids: Int[Tensor, "rows time"]
    attention_mask: Int[Tensor, "rows time"]
    scored: Bool[Tensor, "rows time"]
    """Tokens that carry loss; never the first, which nothing predicts."""
    row: Int[Tensor, " rows"]
    """Position of each row in its split."""


class Step(NamedTuple):
    """The rows of one optimizer step, in pieces that fit into memory."""

    micro: list[Batch]
    tokens: int
    """Scored tokens of the whole step, by which every piece's loss is divided."""
    seen: int
    """All tokens of the step, without padding."""
    number: int
    """From 1, over the whole training."""
    epoch: int
    """From 1."""


def collate(examples: Sequence[Example], indices: Sequence[int], pad_id: int) -> Batch:
    """The chosen examples, padded on the right to the longest of them.

    Example:
        >>> batch = collate([Example([5, 6, 7], 2), Example([8, 9], 1)], [0, 1], pad_id=0)
        >>> batch.input_ids.tolist(), batch.scored.int().tolist()
        ([[5, 6, 7], [8, 9, 0]], [[0, 0, 1], [0, 1, 0]])
    """
    chosen = [examples[index] for index in indices]
    ids = [torch.tensor(example.ids) for example in chosen]
    scored = [torch.arange(len(ids)) >= scored_from for ids, scored_from in chosen]
    return Batch(
        input_ids=pad_sequence(ids, batch_first=True, padding_value=pad_id),
        attention_mask=pad_sequence([torch.ones_like(row) for row in ids], batch_first=True),
        scored=pad_sequence(scored, batch_first=True),
        row=torch.tensor(list(indices)),
    )


def order(seed: int, epoch: int, rows: int) -> list[int]:
    """The order of rows in an epoch: a function of (seed, epoch) alone, so training can resume."""
    positions = list(range(rows))
    Random(seed_for(seed, "order", epoch)).shuffle(positions)
    return positions


def steps_per_epoch(rows: int, batch_size: int) -> int:
    return -(-rows // batch_size)


def steps(
    examples: Sequence[Example],
    *,
    epoch: int,
    seed: int,
    batch_size: int,
    micro_batch_size: int,
    pad_id: int,
) -> Iterator[Step]:
    """The optimizer steps of one epoch; the last may hold fewer rows.

    Within a step rows are sorted by length, so that little is padded; the loss of a step does not
    depend on their order. The longest come first: too little memory shows at once.
    """
    positions = order(seed, epoch, len(examples))
    before = (epoch - 1) * steps_per_epoch(len(examples), batch_size)
    for number, rows in enumerate(_cut(positions, batch_size), before + 1):
        rows = by_length(examples, rows)
        yield Step(
            micro=[collate(examples, piece, pad_id) for piece in _cut(rows, micro_batch_size)],
            tokens=sum(len(examples[row].ids) - examples[row].scored_from for row in rows),
            seen=sum(len(examples[row].ids) for row in rows),
            number=number,
            epoch=epoch,
        )


def by_length(examples: Sequence[Example], rows: Sequence[int]) -> list[int]:
    """`rows`, the longest first; those of equal length keep their order."""
    return sorted(rows, key=lambda row: -len(examples[row].ids))


def batches(examples: Sequence[Example], *, batch_size: int, pad_id: int) -> Iterator[Batch]:
    """Every example once, in batches of rows of like length."""
    for rows in _cut(by_length(examples, range(len(examples))), batch_size):
        yield collate(examples, rows, pad_id)


def _cut(rows: list[int], size: int) -> Iterator[list[int]]:
    return (rows[start : start + size] for start in range(0, len(rows), size))
