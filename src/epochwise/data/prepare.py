"""The data stage up to tokens on one screen: read -> split -> examples."""

import hashlib
import json
from typing import NamedTuple

import numpy as np
from jaxtyping import UInt64
from transformers import PreTrainedTokenizerBase

from epochwise.config import DataConfig, EvaluateConfig
from epochwise.data.rows import Row, read
from epochwise.data.split import split
from epochwise.data.tokens import Example, Examples


class Prepared(NamedTuple):
    """What a run trains on and is judged by; lists of one split run parallel."""

    train: list[Example]
    val: list[Example]
    probe: list[Example]
    """The first training rows: their order is random already, so they are a fair sample."""
    val_group: list[int]
    """Rows that share a source or a prompt share a number: they are not independent."""
    train_digest: UInt64[np.ndarray, " train"]
    val_digest: UInt64[np.ndarray, " val"]
    dropped: int
    """Rows over data.max_tokens that were passed over."""
    train_rows: list[Row]
    val_rows: list[Row]


def prepare(
    data: DataConfig, evaluate: EvaluateConfig, tokenizer: PreTrainedTokenizerBase
) -> Prepared:
    """Rows of `data` as this tokenizer sees them.

    Raises:
        DataError: What is wrong with the rows.
        ValueError: There are too few.
    """
    rows = read(data)
    examples = Examples(rows, tokenizer, data)
    parts = split(rows, size=data.size, val_size=data.val_size, seed=data.seed, fits=examples.fits)
    chosen = examples.of(parts.val + parts.train)
    val, train = chosen[: data.val_size], chosen[data.val_size :]
    train_rows, val_rows = ([rows[row] for row in part] for part in (parts.train, parts.val))
    return Prepared(
        train=train,
        val=val,
        probe=train[: evaluate.probe_size],
        val_group=[parts.group[row] for row in parts.val],
        train_digest=row_digests(train_rows),
        val_digest=row_digests(val_rows),
        dropped=examples.dropped,
        train_rows=train_rows,
        val_rows=val_rows,
    )


def row_digests(rows: list[Row]) -> UInt64[np.ndarray, " rows"]:
    """The first 8 bytes of SHA-256 of what the model sees of each row, wherever it stands."""
    seen = (json.dumps(row[: Row._fields.index("source")]) for row in rows)
    digests = b"".join(hashlib.sha256(text.encode()).digest()[:8] for text in seen)
    return np.frombuffer(digests, dtype=">u8").astype(np.uint64)
