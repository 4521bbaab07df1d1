"""Rows to examples: token ids, and which of them carry loss."""

from collections.abc import Collection, Sequence
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Bool, Int32
from transformers import PreTrainedTokenizerBase

from epochwise.data.chat import chat, is_document
from epochwise.data.formats import Row
from epochwise.data.problems import DataError
from epochwise.data.spans import Spanned, Unfit, encoded, spanned
from epochwise.data.template import opens

AT_ONCE = 4096  # rows that are tokenised together: more gain nothing, and their text takes room


class Example(NamedTuple):
    ids: Int32[np.ndarray, " tokens"]
    scored: Bool[np.ndarray, " tokens"]
    """Which tokens carry loss; never the first, which nothing predicts."""

    @property
    def tokens(self) -> int:
        """How many carry loss."""
        return int(self.scored.sum())


class Manner(NamedTuple):
    """Which tokens of a row carry loss."""

    train_on: Literal["response", "all"]
    turns: Literal["all", "last"] = "last"


ANSWER = Manner("response")


def example(row: Row, tokenizer: PreTrainedTokenizerBase, manner: Manner = ANSWER) -> Example:
    """The example of one row.

    Raises:
        DataError: The chat template cannot train it.
    """
    (made,) = examples([row], tokenizer, manner)
    return made


def examples(
    rows: Sequence[Row],
    tokenizer: PreTrainedTokenizerBase,
    manner: Manner = ANSWER,
    *,
    unended: Collection[int] = (),
) -> list[Example]:
    """The examples of all rows; of a document, its text and the end of it, all scored.

    Args:
        unended: Places of documents that go on in another row, so that no end belongs there.

    Raises:
        DataError: What the chat template cannot train, row by row.
    """
    made: list[Example | Unfit] = []
    for start in range(0, len(rows), AT_ONCE):
        some = range(start, min(start + AT_ONCE, len(rows)))
        made += _examples([rows[n] for n in some], tokenizer, manner, [n in unended for n in some])
    problems = [
        f"{row.place}: {found.reason}"
        for row, found in zip(rows, made, strict=True)
        if isinstance(found, Unfit)
    ]
    if problems:
        raise DataError(problems)
    return [found for found in made if isinstance(found, Example)]


def _examples(
    rows: Sequence[Row], tokenizer: PreTrainedTokenizerBase, manner: Manner, goes_on: list[bool]
) -> list[Example | Unfit]:
    texts = [(row, on) for row, on in zip(rows, goes_on, strict=True) if is_document(row)]
    documents = iter(_documents(texts, tokenizer))
    talks = iter(
        spanned([chat(row, manner.turns) for row in rows if not is_document(row)], tokenizer)
    )
    found = [next(documents) if is_document(row) else next(talks) for row in rows]
    return [one if isinstance(one, Unfit) else _scored(one, manner) for one in found]


def _documents(
    rows: Sequence[tuple[Row, bool]], tokenizer: PreTrainedTokenizerBase
) -> list[Spanned]:
    if not rows:
        return []
    opening, closing = ends(tokenizer)
    texts = encoded(tokenizer, [row.answer for row, _ in rows])
    whole = [
        [*opening, *ids, *([] if goes_on else closing)]
        for ids, (_, goes_on) in zip(texts, rows, strict=True)
    ]
    return [Spanned(ids, [(0, len(ids))]) for ids in whole]


def ends(tokenizer: PreTrainedTokenizerBase) -> tuple[list[int], list[int]]:
    """What stands before a document, where this tokenizer puts something, and after it."""
    opening = [tokenizer.bos_token_id] if opens(tokenizer) else []
    return opening, [] if tokenizer.eos_token_id is None else [tokenizer.eos_token_id]


def _scored(found: Spanned, manner: Manner) -> Example | Unfit:
    scored = np.full(len(found.ids), manner.train_on == "all")
    for start, end in found.spans:
        scored[start:end] = True
    scored[:1] = False
    if not scored.any():
        return Unfit("holds no token that could carry loss: remove it")
    return Example(np.array(found.ids, np.int32), scored)
