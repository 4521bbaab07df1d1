"""The loss of each row's response, computed on answer positions only."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from epochwise.data.batch import Batch
from epochwise.model.unpadded import end_to_end, is_end_to_end, laid


class Predicted(NamedTuple):
    """What a model makes of the scored tokens of a batch."""

    scores: Float[Tensor, "scored vocab"]
    """In fp32, before the softmax."""
    ids: Int[Tensor, " scored"]
    """The tokens that were to come."""
    row: Int[Tensor, " scored"]
    """Whose they are."""
    rows: int

    def summed(self, values: Float[Tensor, " scored"]) -> Float[Tensor, " rows"]:
        return values.new_zeros(self.rows).index_add(0, self.row, values)

    def nats(self, temperature: float = 1.0) -> Float[Tensor, " rows"]:
        scores = self.scores if temperature == 1.0 else self.scores / temperature
        return self.summed(F.cross_entropy(scores, self.ids, reduction="none"))


def response_nats(model: nn.Module, head: nn.Module, batch: Batch) -> Float[Tensor, " rows"]:
    """Cross-entropy of each row's scored tokens given everything before them, summed, in fp32.

    Sums and not means, so that a mean can be taken once, over a whole step or split: no number
    depends on how rows were cut into micro-batches.

    Args:
        head: The output projection of `model`. It is the widest matrix, and most tokens are
            prompt: only the positions whose next token is scored reach it.
    """
    return predicted(model, head, batch).nats()


def response_measures(
    model: nn.Module, head: nn.Module, batch: Batch, temperatures: Sequence[float] = ()
) -> Float[Tensor, "rows measures"]:
    """Of each row its nats, its tokens that were the most likely ones, its nats if tempered.

    Args:
        temperatures: One more measure each: all scores are divided by it. What one temperature
            for all tokens can mend of a loss is over-confidence (1706.04599).
    """
    found = predicted(model, head, batch)
    right = (found.scores.argmax(dim=-1) == found.ids).to(found.scores.dtype)
    tempered = [found.nats(temperature) for temperature in temperatures]
    return torch.stack([found.nats(), found.summed(right), *tempered], dim=1)


def predicted(model: nn.Module, head: nn.Module, batch: Batch) -> Predicted:
    scored = batch.scored[:, 1:]
    predicts = F.pad(scored, (0, 1))  # position t scores the token at t + 1
    scores = _scores_end_to_end if is_end_to_end(model) else _scores
    return Predicted(
        scores=scores(model, head, batch, predicts).float(),
        ids=batch.input_ids[:, 1:][scored],
        row=scored.nonzero()[:, 0],
        rows=len(scored),
    )


def _scores(
    model: nn.Module, head: nn.Module, batch: Batch, wanted: Bool[Tensor, "rows time"]
) -> Float[Tensor, "wanted vocab"]:
    with only_positions(head, wanted):
        scores: Tensor = model(
            input_ids=batch.input_ids, attention_mask=batch.attention_mask
        ).logits
    return scores


def _scores_end_to_end(
    model: nn.Module, head: nn.Module, batch: Batch, wanted: Bool[Tensor, "rows time"]
) -> Float[Tensor, "wanted vocab"]:
    line = laid(batch)
    with only_positions(head, wanted.flatten()[None, line.cells]):
        return end_to_end(model, line, (wanted.shape[0], wanted.shape[1]))


@contextmanager
def only_positions(head: nn.Module, wanted: Bool[Tensor, "rows time"]) -> Iterator[None]:
    """While open, `head` projects only the wanted positions: its output is [wanted, vocab].

    A hook on the head works for every architecture and method; prompt methods put virtual
    tokens before the row, so positions are counted from the end.
    """

    def select(_: nn.Module, args: tuple[Tensor, ...]) -> tuple[Tensor]:
        (hidden,) = args
        return (hidden[:, -wanted.shape[1] :][wanted],)

    handle = head.register_forward_pre_hook(select)
    try:
        yield
    finally:
        handle.remove()


def is_finite(nats: Tensor, norm: Tensor) -> bool:
    return bool(torch.isfinite(nats + norm))


def not_finite(nats: Tensor, norm: Tensor, *, step: int) -> FloatingPointError:
    """What to raise before an update that would spoil the weights."""
    return FloatingPointError(
        f"step {step}: loss {nats.item()} and gradient norm {norm.item()} are not finite;"
        " the weights were left as they were. Lower train.learning_rate or train.clip_norm,"
        " look at the rows of this step, or let such steps be left out: train.max_skipped_steps=N"
    )


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out, on the accelerator or beside it; torch has no one type for both."""
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or (
        isinstance(error, RuntimeError) and "DefaultCPUAllocator" in str(error)
    )
