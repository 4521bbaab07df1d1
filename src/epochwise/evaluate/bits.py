"""Bits per byte: the losses of a run's record, comparable between tokenizers."""

import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from transformers import PreTrainedTokenizerBase

from epochwise.data.tokens import Example
from epochwise.evaluate.interval import measure, ratio
from epochwise.quality import Measure
from epochwise.record import RowLosses


def answer_bytes(examples: Sequence[Example], tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """UTF-8 bytes of the text whose loss was measured; the end-of-turn token has none."""
    texts = (tokenizer.decode(ids[scored], skip_special_tokens=True) for ids, scored in examples)
    return [len(str(text).encode()) for text in texts]


def bits_per_byte(losses: RowLosses, sizes: Sequence[int], point: int) -> Measure:
    """Of the validation answers: their nats at a point of the curve / ln 2 / their bytes.

    Args:
        point: 0 is the base model, -1 the run's end.
    """
    table = np.stack([losses.val[point], np.asarray(sizes)], axis=1).astype(np.float64)
    return measure(table, [str(source) for source in losses.val_source], _bits)


def _bits(sums: Float[np.ndarray, "draws parts"]) -> Float[np.ndarray, " draws"]:
    return ratio(sums) / math.log(2)
