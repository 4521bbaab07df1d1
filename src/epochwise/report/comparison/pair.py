"""Two runs on the same validation rows: the difference of their losses, with its interval."""

from dataclasses import dataclass

import numpy as np

from epochwise.diagnose.answer import PER_ANSWER, PER_TOKEN
from epochwise.diagnose.noise import Contrast, contrast
from epochwise.record import Record
from epochwise.report.comparison.side import Side, identity


@dataclass(frozen=True)
class Pair:
    """A run of the first side and its counterpart of another."""

    first: Record
    other: Record
    other_side: str
    difference: Contrast | None
    """Of the last losses, other minus first; None where they share no validation row."""
    unit: str
    """nats per response token; per answer where the tokenizers differ."""
    rows: int
    """Validation rows that both have measured."""

    @property
    def is_sure(self) -> bool:
        """Whether the interval, 9 times in 10, leaves out zero."""
        return self.difference is not None and (self.difference.low > 0 or self.difference.high < 0)


def pairs(first: Side, other: Side) -> tuple[Pair, ...]:
    """Runs of equal settings, but for those in which the sides differ as a whole.

    Two runs are a pair whatever they are; of two studies that share no setting of runs, the
    recommended ones are.
    """
    if not (first.is_study and other.is_study):
        return _lone(first, other)
    keys = set(first.settings) | set(other.settings)
    apart = {key for key in keys if first.setting(key) != other.setting(key)}
    apart = {key for key in apart if not _both_swept(first, other, key)}
    there = {identity(record, apart): record for record in other.records}
    matched = [(record, there.get(identity(record, apart))) for record in first.records]
    found = [pair(first, a, other, b) for a, b in matched if b is not None]
    return tuple(found) or _lone(first, other)


def _both_swept(first: Side, other: Side, key: str) -> bool:
    return isinstance(first.setting(key), list) or isinstance(other.setting(key), list)


def _lone(first: Side, other: Side) -> tuple[Pair, ...]:
    if first.chosen is None or other.chosen is None:
        return ()
    return (pair(first, first.chosen, other, other.chosen),)


def pair(first: Side, a: Record, other: Side, b: Record) -> Pair:
    mine, theirs = first.rows(a), other.rows(b)
    shared, at, there = np.intersect1d(
        mine.val_digest, theirs.val_digest, assume_unique=False, return_indices=True
    )
    per_token = bool((mine.val_tokens[at] == theirs.val_tokens[there]).all())
    unit = PER_TOKEN if per_token else PER_ANSWER
    nats = theirs.val[-1, there] - mine.val[-1, at]
    if not len(shared) or not np.isfinite(nats).all():
        return Pair(a, b, other.name, None, unit, len(shared))
    tokens = mine.val_tokens[at] if per_token else np.ones(len(at), dtype=int)
    return Pair(a, b, other.name, contrast(nats, tokens, mine.val_source[at]), unit, len(shared))
