"""Rows laid end to end: no layer computes padding; attention alone sees them side by side.

In a step of 8 random instruction rows a third of all cells would be padding, and each would pass
through every projection of every layer.
"""

from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from transformers import AttentionInterface, PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward

from epochwise.data.batch import Batch

NAME = "epochwise_unpadded"  # not known to transformers' masks: it makes none, and none is needed


# Methods that change each token's way through a layer alone. Others put tokens of their own before
# a row, or an attention of their own beside the model's.
TOKENWISE = {"LORA", "ADALORA", "IA3", "VERA", "OFT", "FULL", "LAST_LAYERS"}


ALIKE = 0.02  # of the largest logit: what bf16 may round apart; a mixed row is as far as any other


class Laid(NamedTuple):
    """The tokens of a batch in one line, row after row."""

    input_ids: Int[Tensor, "one tokens"]
    position_ids: Int[Tensor, "one tokens"]
    """Counted from 0 in each row."""
    cells: Int[Tensor, " tokens"]
    """Where each token stands in the padded batch, read line by line."""


def laid(batch: Batch) -> Laid:
    cells = batch.attention_mask.flatten().nonzero()[:, 0]
    width = batch.attention_mask.shape[1]
    return Laid(batch.input_ids.flatten()[None, cells], cells[None] % width, cells)


def attention(  # noqa: PLR0913 - transformers' signature
    module: nn.Module,
    query: Float[Tensor, "one heads tokens size"],
    key: Float[Tensor, "one pairs tokens size"],
    value: Float[Tensor, "one pairs tokens size"],
    attention_mask: Tensor | None,
    *,
    cells: Int[Tensor, " tokens"],
    shape: tuple[int, int],
    scaling: float | None = None,
    dropout: float = 0.0,
    **_: Any,
) -> tuple[Float[Tensor, "one tokens heads size"], None]:
    """Causal attention of each row to itself.

    Padding stands at the end of a row, where no real token looks: no mask is needed, so every
    kernel will do.

    Args:
        shape: Rows, and tokens of the longest.
    """
    queries, keys, values = (_padded(part, cells, shape) for part in (query, key, value))
    mixed, _weights = sdpa_attention_forward(
        module, queries, keys, values, None, scaling=scaling, dropout=dropout, is_causal=True
    )
    return mixed.flatten(0, 1)[None, cells], None


def lay_end_to_end(model: PreTrainedModel, method: str, *, longest: int) -> bool:
    """Lets the model take rows end to end, if nothing in it would mix them; says whether.

    What its configuration tells is not trusted alone: two short rows are tried both ways.

    Args:
        method: What it will be trained by, in peft's word.
        longest: Tokens of the longest row: a window of attention must hold it.
    """
    text = model.config.get_text_config()
    kinds = set(getattr(text, "layer_types", None) or ["full_attention"])
    window = getattr(text, "sliding_window", None)
    mixes = kinds - {"full_attention", "sliding_attention"} or model._is_stateful
    cuts = window is not None and window < longest
    speaks = model._supports_attention_backend and model._supports_sdpa
    if method not in TOKENWISE or mixes or cuts or not speaks:
        return False
    before = model.config._attn_implementation
    beside = _trial(model)
    model.set_attn_implementation(NAME)
    apart = (beside - _trial(model)).abs().max()
    if not apart <= ALIKE * beside.abs().max():  # also where either is no number
        model.set_attn_implementation(before)
    return is_end_to_end(model)


def end_to_end(
    model: nn.Module, line: Laid, shape: tuple[int, int]
) -> Float[Tensor, "*positions vocab"]:
    """The logits of a model that takes rows so; `shape`: rows, and tokens of the longest."""
    scores: Tensor = model(
        input_ids=line.input_ids, position_ids=line.position_ids, cells=line.cells, shape=shape
    ).logits
    return scores


def is_end_to_end(model: nn.Module) -> bool:
    return bool(model.config._attn_implementation == NAME)  # type: ignore[union-attr]


@torch.no_grad()
def _trial(model: PreTrainedModel) -> Float[Tensor, "tokens vocab"]:
    """What the model makes of two short rows, in the way that it is set up for."""
    ids = torch.arange(1, 11, device=model.device).view(2, 5)
    mask = torch.ones_like(ids)
    mask[1, 3:] = 0
    line = laid(Batch(ids, mask, mask.bool(), mask[:, 0]))
    mode = model.training
    model.eval()
    try:
        if is_end_to_end(model):
            return end_to_end(model, line, (2, 5))[0].float()
        beside: Tensor = model(input_ids=ids, attention_mask=mask).logits
        return beside.flatten(0, 1)[line.cells].float()
    finally:
        model.train(mode)


def _padded(
    part: Float[Tensor, "one heads tokens size"],
    cells: Int[Tensor, " tokens"],
    shape: tuple[int, int],
) -> Float[Tensor, "rows heads time size"]:
    _, heads, _, size = part.shape
    empty = part.new_zeros(shape[0] * shape[1], heads, size)
    filled = empty.index_put((cells,), part[0].transpose(0, 1))
    return filled.view(*shape, heads, size).transpose(1, 2)


AttentionInterface.register(NAME, attention)
