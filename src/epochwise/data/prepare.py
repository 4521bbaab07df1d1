"""The data stage up to tokens on one screen: read -> split -> examples."""

import hashlib
import json
import logging
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from jaxtyping import UInt64
from transformers import PreTrainedTokenizerBase

from epochwise.config import DataConfig, EvaluateConfig
from epochwise.data.canaries import Canaries, canaries, sown
from epochwise.data.check.leaks import grave_leak
from epochwise.data.formats import seen
from epochwise.data.general import general_examples
from epochwise.data.limit import Counts, counts, limited
from epochwise.data.rows import WORLD, Row, kept
from epochwise.data.split import split_for
from epochwise.data.store import Tokenised, entry, store, stored
from epochwise.data.template import template_of
from epochwise.data.tokens import Example

log = logging.getLogger(__name__)


class Prepared(NamedTuple):
    """What a run trains on and is judged by; lists of one split run parallel."""

    train: list[Example]
    val: list[Example]
    probe: list[Example]
    """The first training rows: their order is random already, so they are a fair sample."""
    general: list[Example]
    """Texts that have nothing to do with the rows, scored whole: what the model may forget."""
    canaries: Canaries
    val_group: list[int]
    """Rows that share a source or a prompt share a number: they are not independent."""
    val_origin: dict[str, list[int]]
    """Of a mixture, the validation rows of each source, by their places; else nothing."""
    probe_group: list[int]
    train_digest: UInt64[np.ndarray, " train"]
    """Of the rows of the data: planted secrets are none of them."""
    val_digest: UInt64[np.ndarray, " val"]
    counts: Counts


def prepare(
    data: DataConfig, evaluate: EvaluateConfig, tokenizer: PreTrainedTokenizerBase
) -> Prepared:
    """Rows of `data` as this tokenizer sees them; tokenised once, then read from the store.

    Raises:
        DataError: What is wrong with the rows.
        ValueError: There are too few.
    """
    general = general_examples(evaluate.general, tokenizer, data.max_tokens)
    secrets = canaries(data, tokenizer)
    made = _prepared(_found(data, tokenizer), data, evaluate, general, secrets)
    if made.counts.unheard:
        log.warning(
            "%d rows bring functions that %s leaves out: the model never sees them",
            made.counts.unheard,
            template_of(tokenizer),
        )
    return made


def _found(data: DataConfig, tokenizer: PreTrainedTokenizerBase) -> Tokenised:
    if not tokenizer.is_fast:  # what one written in Python does, no hash of its content tells
        return tokenised(data, tokenizer)
    file = entry(data, tokenizer)
    found = stored(file, size=data.size)
    if found is None:
        found = tokenised(data, tokenizer)
        store(file, found)
    return found


def tokenised(data: DataConfig, tokenizer: PreTrainedTokenizerBase) -> Tokenised:
    """The rows of `data`, read, split and tokenised."""
    examples = limited(kept(data), tokenizer, data)
    rows = examples.rows
    parts = split_for(data, rows, examples.fits)
    if data.path != WORLD and (leak := grave_leak(rows, parts)):  # its rows are known to have none
        log.warning("%s: %s", data.path, leak)
    taken = parts.val + parts.train
    names = list(data.sources) if data.sources else [""]
    chosen = examples.of(taken)
    return Tokenised(
        ids=np.concatenate([example.ids for example in chosen]),
        ends=np.cumsum([len(example.ids) for example in chosen], dtype=np.int64),
        scored=np.concatenate([example.scored for example in chosen]),
        digest=row_digests([rows[row] for row in taken]).view(np.int64),
        group=np.array([parts.group[row] for row in taken], np.int64),
        origin=np.array([names.index(rows[row].origin) for row in taken], np.int64),
        counts=counts(examples, parts),
    )


def row_digests(rows: Sequence[Row]) -> UInt64[np.ndarray, " rows"]:
    """The first 8 bytes of SHA-256 of what the model sees of each row, wherever it stands."""
    texts = (json.dumps(seen(row)) for row in rows)
    digests = b"".join(hashlib.sha256(text.encode()).digest()[:8] for text in texts)
    return np.frombuffer(digests, dtype=">u8").astype(np.uint64)


def _prepared(
    found: Tokenised,
    data: DataConfig,
    evaluate: EvaluateConfig,
    general: list[Example],
    secrets: Canaries,
) -> Prepared:
    """The first data.size training rows of what was found."""
    val, rows = data.val_size, data.val_size + data.size
    spans = pairwise([0, *found.ends[:rows].tolist()])
    examples = [Example(found.ids[start:end], found.scored[start:end]) for start, end in spans]
    digests = found.digest.view(np.uint64)
    return Prepared(
        train=sown(examples[val:], secrets, data.seed),
        val=examples[:val],
        probe=examples[val:][: evaluate.probe_size],
        general=general,
        canaries=secrets,
        val_group=found.group[:val].tolist(),
        val_origin={
            name: np.flatnonzero(found.origin[:val] == place).tolist()
            for place, name in enumerate(data.sources or {})
        },
        probe_group=found.group[val:rows][: evaluate.probe_size].tolist(),
        train_digest=digests[val : rows - sum(data.canary_repeats)],
        val_digest=digests[:val],
        counts=Counts(*found.counts[data.size - 1].tolist()),
    )
