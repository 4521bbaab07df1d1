"""Examples to padded batches, batches to optimizer steps."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Int
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from epochwise.data.order import cut, steps_of_rows, steps_per_epoch
from epochwise.data.tokens import Example


class Batch(NamedTuple):
    input_ids: Int[Tensor, "rows time"]
    attention_mask: Int[Tensor, "rows time"]
    scored: Bool[Tensor, "rows time"]
    """Tokens that carry loss; never the first, which nothing predicts."""
    row: Int[Tensor, " rows"]
    """Position of each row in its split."""


class Step(NamedTuple):
    """The rows of one optimizer step, the longest first."""

    batch: Batch
    lengths: tuple[int, ...]
    """Tokens of each row, so that micro-batches are cut without asking the device."""
    tokens: int
    """Scored tokens of the whole step, by which every piece's loss is divided."""
    seen: int
    """All tokens of the step, without padding."""
    number: int
    """From 1, over the whole training."""
    epoch: int
    """From 1."""

    def part(self, rank: int, count: int) -> "Step":
        """Every `count`-th row, of the same step: its tokens are still those of the whole."""
        batch = Batch(*(tensor[rank::count] for tensor in self.batch))
        return self._replace(batch=batch, lengths=self.lengths[rank::count])

    def micro(self, size: int) -> list[Batch]:
        """The step in pieces of `size` rows, each as wide as its longest row."""
        starts = range(0, len(self.lengths), size)
        return [
            _narrowed(Batch(*(part[start : start + size] for part in self.batch)), width)
            for start, width in zip(starts, self.lengths[::size], strict=True)
        ]


def _narrowed(batch: Batch, width: int) -> Batch:
    ids, mask, scored = (part[:, :width] for part in batch[:3])
    return Batch(ids, mask, scored, batch.row)


def collate(examples: Sequence[Example], indices: Sequence[int], pad_id: int) -> Batch:
    """The chosen examples, padded on the right to the longest of them.

    Example:
        >>> rows = [([5, 6, 7], [False, False, True]), ([8, 9], [False, True])]
        >>> examples = [Example(np.array(ids), np.array(scored)) for ids, scored in rows]
        >>> batch = collate(examples, [0, 1], pad_id=0)
        >>> batch.input_ids.tolist(), batch.scored.int().tolist()
        ([[5, 6, 7], [8, 9, 0]], [[0, 0, 1], [0, 1, 0]])
    """
    chosen = [examples[index] for index in indices]
    ids = [torch.from_numpy(example.ids.astype(np.int64)) for example in chosen]
    scored = [torch.from_numpy(example.scored.copy()) for example in chosen]  # the store's: fixed
    return Batch(
        input_ids=pad_sequence(ids, batch_first=True, padding_value=pad_id),
        attention_mask=pad_sequence([torch.ones_like(row) for row in ids], batch_first=True),
        scored=pad_sequence(scored, batch_first=True),
        row=torch.tensor(list(indices)),
    )


def steps(
    examples: Sequence[Example], *, seed: int, batch_size: int, first: int, last: int, pad_id: int
) -> Iterator[Step]:
    """The optimizer steps from `first` to `last`; the last of an epoch may hold fewer rows.

    Within a step rows are sorted by length, so that little is padded; the loss of a step does not
    depend on their order. The longest come first: too little memory shows at once.
    """
    epoch_steps = steps_per_epoch(len(examples), batch_size)
    taken = steps_of_rows(seed, len(examples), batch_size=batch_size, first=first, last=last)
    for number, unsorted in enumerate(taken, first):
        rows = by_length(examples, unsorted)
        lengths = tuple(len(examples[row].ids) for row in rows)
        yield Step(
            batch=collate(examples, rows, pad_id),
            lengths=lengths,
            tokens=sum(examples[row].tokens for row in rows),
            seen=sum(lengths),
            number=number,
            epoch=(number - 1) // epoch_steps + 1,
        )


def by_length(examples: Sequence[Example], rows: Sequence[int]) -> list[int]:
    """`rows`, the longest first; those of equal length keep their order."""
    return sorted(rows, key=lambda row: -len(examples[row].ids))


def batches(examples: Sequence[Example], *, batch_size: int, pad_id: int) -> Iterator[Batch]:
    """Every example once, in batches of rows of like length."""
    for rows in cut(by_length(examples, range(len(examples))), batch_size):
        yield collate(examples, rows, pad_id)
