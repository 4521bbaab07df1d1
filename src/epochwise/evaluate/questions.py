"""What is asked: the data's held-out rows, or a file of the user's own."""

import hashlib
import json
from collections.abc import Sequence
from itertools import islice
from typing import NamedTuple

from transformers import PreTrainedTokenizerBase

from epochwise.config import DataConfig
from epochwise.data.formats import Message, Row, seen
from epochwise.data.rows import WORLD, kept
from epochwise.data.split import split_for
from epochwise.data.tokens import Examples
from epochwise.evaluate import world_questions
from epochwise.evaluate.question import Question
from epochwise.evaluate.refusal import Refusals
from epochwise.quality import TRAINED


class Rows(NamedTuple):
    """A run's rows again, as training had them."""

    train: list[Row]
    val: list[Row]
    val_group: list[int]
    """Validation rows that share a source or a prompt share a number."""


def training_rows(data: DataConfig, tokenizer: PreTrainedTokenizerBase) -> Rows:
    """The rows that a run with this data trained on and was validated on.

    Raises:
        DataError: What is wrong with the rows by now.
    """
    rows = kept(data)
    fits = Examples(rows, tokenizer, data).fits
    parts = split_for(data, rows, fits)
    return Rows(
        train=[rows[place] for place in parts.train],
        val=[rows[place] for place in parts.val],
        val_group=[parts.group[place] for place in parts.val],
    )


def own_questions(
    data: DataConfig, rows: Rows, *, limit: int, refusals: Refusals
) -> list[Question]:
    """At most `limit` questions of each kind, in the split's random order.

    The embedded world knows more of its rows than other data tell: see `world_questions`.
    """
    if data.path == WORLD:
        return world_questions.questions(rows.train, rows.val, limit=limit)
    trained = [
        _asked(row, f"train {place}", refusals)._replace(kind=TRAINED)
        for place, row in enumerate(islice(rows.train, limit))
    ]
    held_out = [
        _asked(row, str(group), refusals)
        for row, group in zip(rows.val, rows.val_group, strict=True)
    ]
    return trained + first_of_each_kind(held_out, limit)


def first_of_each_kind(questions: Sequence[Question], limit: int) -> list[Question]:
    """The first `limit` of each kind, kinds in the order in which they turn up."""
    kinds = dict.fromkeys(question.kind for question in questions)
    return [
        question
        for kind in kinds
        for question in islice((one for one in questions if one.kind == kind), limit)
    ]


def questions_digest(questions: Sequence[Question], *how: str) -> str:
    """16 hex digits that differ where a question, its references, or how it is asked does."""
    asked = [
        [[*seen(one.row), one.row.source, one.row.kind, one.row.place], *one[1:]]
        for one in questions
    ]
    content = json.dumps([list(how), asked], ensure_ascii=False)
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def with_examples(row: Row, examples: Sequence[Row]) -> Row:
    """The row after earlier turns in which other rows were answered rightly."""
    opening, rest = (row.messages[:1], row.messages[1:]) if row.system else ((), row.messages)
    turns = [
        turn
        for one in examples
        for turn in (Message("user", one.question), Message("assistant", one.answer))
    ]
    return row._replace(messages=(*opening, *turns, *rest))


def _asked(row: Row, group: str, refusals: Refusals) -> Question:
    answerable = row.kind != "unanswerable" and not refusals.refuses(row.answer)
    kind = row.kind or ("validation" if answerable else "unanswerable")
    return Question(row, (row.answer,), kind, group, "", answerable)
