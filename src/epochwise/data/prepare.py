"""The data stage up to tokens on one screen: read -> split -> examples."""

import hashlib
import json
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from jaxtyping import UInt64
from transformers import PreTrainedTokenizerBase

from epochwise.config import DataConfig, EvaluateConfig
from epochwise.data.formats import seen
from epochwise.data.general import general_examples
from epochwise.data.rows import Row, kept
from epochwise.data.split import split_for
from epochwise.data.store import Tokenised, entry, store, stored
from epochwise.data.tokens import Example, Examples


class Prepared(NamedTuple):
    """What a run trains on and is judged by; lists of one split run parallel."""

    train: list[Example]
    val: list[Example]
    probe: list[Example]
    """The first training rows: their order is random already, so they are a fair sample."""
    general: list[Example]
    """Texts that have nothing to do with the rows, scored whole: what the model may forget."""
    val_group: list[int]
    """Rows that share a source or a prompt share a number: they are not independent."""
    probe_group: list[int]
    train_digest: UInt64[np.ndarray, " train"]
    val_digest: UInt64[np.ndarray, " val"]
    dropped: int
    """Rows over data.max_tokens that were passed over."""


def prepare(
    data: DataConfig, evaluate: EvaluateConfig, tokenizer: PreTrainedTokenizerBase
) -> Prepared:
    """Rows of `data` as this tokenizer sees them; tokenised once, then read from the store.

    Raises:
        DataError: What is wrong with the rows.
        ValueError: There are too few.
    """
    general = general_examples(evaluate.general, tokenizer, data.max_tokens)
    if not tokenizer.is_fast:  # what one written in Python does, no hash of its content tells
        return _prepared(tokenised(data, tokenizer), data, evaluate, general)
    file = entry(data, tokenizer)
    found = stored(file, size=data.size)
    if found is None:
        found = tokenised(data, tokenizer)
        store(file, found)
    return _prepared(found, data, evaluate, general)


def tokenised(data: DataConfig, tokenizer: PreTrainedTokenizerBase) -> Tokenised:
    """The rows of `data`, read, split and tokenised."""
    rows = kept(data)
    examples = Examples(rows, tokenizer, data)
    parts = split_for(data, rows, examples.fits)
    taken = parts.val + parts.train
    chosen = examples.of(taken)
    return Tokenised(
        ids=np.concatenate([np.array(example.ids, np.int32) for example in chosen]),
        ends=np.cumsum([len(example.ids) for example in chosen], dtype=np.int64),
        scored_from=np.array([example.scored_from for example in chosen], np.int32),
        digest=row_digests([rows[row] for row in taken]).view(np.int64),
        group=np.array([parts.group[row] for row in taken], np.int64),
        dropped=np.array([examples.dropped_before[row] for row in parts.train], np.int64),
    )


def row_digests(rows: Sequence[Row]) -> UInt64[np.ndarray, " rows"]:
    """The first 8 bytes of SHA-256 of what the model sees of each row, wherever it stands."""
    texts = (json.dumps(seen(row)) for row in rows)
    digests = b"".join(hashlib.sha256(text.encode()).digest()[:8] for text in texts)
    return np.frombuffer(digests, dtype=">u8").astype(np.uint64)


def _prepared(
    found: Tokenised, data: DataConfig, evaluate: EvaluateConfig, general: list[Example]
) -> Prepared:
    """The first data.size training rows of what was found."""
    val, rows = data.val_size, data.val_size + data.size
    spans = pairwise([0, *found.ends[:rows].tolist()])
    examples = [
        Example(found.ids[start:end], scored_from)
        for (start, end), scored_from in zip(spans, found.scored_from[:rows].tolist(), strict=True)
    ]
    digests = found.digest.view(np.uint64)
    return Prepared(
        train=examples[val:],
        val=examples[:val],
        probe=examples[val:][: evaluate.probe_size],
        general=general,
        val_group=found.group[:val].tolist(),
        probe_group=found.group[val:rows][: evaluate.probe_size].tolist(),
        train_digest=digests[val:rows],
        val_digest=digests[:val],
        dropped=int(found.dropped[data.size - 1]),
    )
