"""Packed, padded, grouped by length: a row's loss, and what it teaches, are always the same."""

from collections.abc import Iterable, Sequence
from random import Random

import numpy as np
import pytest
import torch
from test_unpadded import SMALL, made
from transformers import AutoConfig, PreTrainedModel

from epochwise.data.batch import Batch, batches, collate, steps
from epochwise.data.tokens import Example
from epochwise.model.loss import response_nats
from epochwise.model.unpadded import lay_end_to_end

Taught = tuple[torch.Tensor, list[torch.Tensor]]
LONGEST = 23


@pytest.fixture(scope="module")
def rows() -> list[Example]:
    """Rows of 3 to 23 tokens, each with one stretch or several that carry loss."""
    random = Random(0)
    lengths = [3, LONGEST, *(random.randint(3, LONGEST) for _ in range(14))]
    return [
        Example(
            np.array([random.randint(1, 49) for _ in range(length)], np.int32),
            np.array(
                [n > 0 and (n == length - 1 or (n // 4 + number) % 2) for n in range(length)],
                np.bool_,
            ),
        )
        for number, length in enumerate(lengths)
    ]


def taught(model: PreTrainedModel, some: Iterable[Batch], count: int) -> Taught:
    """The nats of each row, and the gradients of their mean per token that carries loss."""
    model.zero_grad()
    nats = torch.zeros(count)
    for batch in some:
        found = response_nats(model, model.get_output_embeddings(), batch)
        found.sum().backward()
        nats[batch.row] = found.detach()
    return nats, [p.grad.clone() for p in model.parameters() if p.grad is not None]


@pytest.mark.parametrize("kind", ["llama", "qwen2", "qwen3", "gemma3_text"])
def test_rows_cost_and_teach_the_same_in_every_way(kind: str, rows: Sequence[Example]) -> None:
    model = made(AutoConfig.for_model(kind, **SMALL))
    everything = range(len(rows))
    (step,) = steps(rows, seed=0, batch_size=len(rows), first=1, last=1, pad_id=0)
    ways = {
        "padded": [collate(rows, everything, pad_id=0)],
        "grouped by length": list(batches(rows, batch_size=5, pad_id=0)),
        "a step in pieces": step.micro(3),
    }
    alone = taught(model, [collate(rows, [row], pad_id=0) for row in everything], len(rows))
    found = {name: taught(model, way, len(rows)) for name, way in ways.items()}
    assert lay_end_to_end(model, "LORA", longest=LONGEST)
    found |= {f"packed, {name}": taught(model, way, len(rows)) for name, way in ways.items()}
    tokens = sum(row.tokens for row in rows)
    for nats, gradients in found.values():
        torch.testing.assert_close(nats, alone[0], atol=1e-5, rtol=1e-5)
        for one, other in zip(gradients, alone[1], strict=True):
            torch.testing.assert_close(one / tokens, other / tokens, atol=1e-6, rtol=1e-4)
