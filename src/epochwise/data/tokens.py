"""Rows to token ids, and which of them carry loss."""

from collections.abc import Sequence
from os.path import commonprefix
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Int32
from jinja2 import TemplateError
from transformers import PreTrainedTokenizerBase

from epochwise.config import DataConfig
from epochwise.data.formats import Row
from epochwise.data.problems import DataError

# Llama's templates print today's date unless told one: numbers must not depend on the day.
# This is the date that they print themselves where they know none.
DATE = "26 Jul 2024"

Message = dict[str, str]


class Example(NamedTuple):
    ids: Sequence[int] | Int32[np.ndarray, " tokens"]
    scored_from: int
    """Position of the first token that carries loss: 1 or more, as nothing predicts token 0."""


class Examples:
    """The examples of all rows, each made when first asked for and then kept."""

    def __init__(
        self, rows: Sequence[Row], tokenizer: PreTrainedTokenizerBase, config: DataConfig
    ) -> None:
        self.rows = rows
        self.tokenizer = tokenizer
        self.config = config
        self.dropped = 0
        """Rows over data.max_tokens, of those asked for so far."""
        self.dropped_before: dict[int, int] = {}
        """The same, up to when each row that fits was last asked for."""
        self._made: dict[int, Example] = {}

    def __getitem__(self, row: int) -> Example:
        if row not in self._made:
            self._made[row] = example(self.rows[row], self.tokenizer, train_on=self.config.train_on)
            self.dropped += self._is_too_long(row)
        return self._made[row]

    def fits(self, row: int) -> bool:
        """Whether the row may be used; over data.max_tokens it may not if such rows are dropped."""
        fits = self.config.too_long == "error" or not self._is_too_long(row)
        if fits:
            self.dropped_before[row] = self.dropped
        return fits

    def of(self, rows: list[int]) -> list[Example]:
        """The examples of `rows`.

        Raises:
            DataError: Some are over data.max_tokens.
        """
        examples = [self[row] for row in rows]
        problems = [
            f"{self.rows[row].place}: {len(self[row].ids)} tokens, over"
            f" data.max_tokens={self.config.max_tokens}"
            for row in rows
            if self._is_too_long(row)
        ]
        if problems:
            longest = max(len(example.ids) for example in examples)
            remedy = f"set data.max_tokens={longest} or more, or data.too_long=drop"
            raise DataError([f"{len(problems)} rows are too long: {remedy}", *problems])
        return examples

    def _is_too_long(self, row: int) -> bool:
        return len(self[row].ids) > self.config.max_tokens


def example(row: Row, tokenizer: PreTrainedTokenizerBase, *, train_on: str) -> Example:
    """The ids of a conversation up to the end-of-turn token after its last answer.

    The prompt is rendered as it will be when the model has to answer, so training and use agree
    on every token. The end-of-turn token is scored: that is how a model learns to stop. Scoring
    begins at the first token with any of the answer in it, also where a token spans the border.
    """
    messages = _messages(row)
    prompt = _rendered(messages[:-1], tokenizer, row, answer=False)
    whole = _rendered(messages, tokenizer, row, answer=True).rstrip()
    if not whole.startswith(prompt):
        raise DataError(
            [
                f"{row.place}: {_named(tokenizer)} does not begin a conversation with its own"
                " prompt: set model.template=alpaca|chatml"
            ]
        )
    ids, prompt_ids = (
        tokenizer(text, add_special_tokens=False).input_ids for text in (whole, prompt)
    )
    if not ids or ids[-1] not in tokenizer.added_tokens_decoder:
        raise DataError(
            [
                f"{row.place}: {_named(tokenizer)} ends an answer with no end-of-turn token, so the"
                " model would never learn to stop: set model.template=alpaca|chatml"
            ]
        )
    answer_from = len(commonprefix([ids, prompt_ids])) if train_on == "response" else 0
    return Example(ids, max(answer_from, 1))


def _messages(row: Row) -> list[Message]:
    """The row's messages as chat templates know them."""
    return [
        {"role": said.role, "content": said.text}
        # for the Alpaca template, which sets the two apart:
        | ({"instruction": said.content, "input": said.input} if said.input else {})
        for said in row.messages
    ]


def _rendered(
    messages: list[Message], tokenizer: PreTrainedTokenizerBase, row: Row, *, answer: bool
) -> str:
    try:
        text: Any = tokenizer.apply_chat_template(
            messages, tokenize=False, add_generation_prompt=not answer, date_string=DATE
        )
    except TemplateError as error:
        raise DataError(
            [
                f"{row.place}: {_named(tokenizer)} refuses this row: {error}."
                " Change the row, or set model.template=alpaca|chatml"
            ]
        ) from error
    return str(text)


def _named(tokenizer: PreTrainedTokenizerBase) -> str:
    return f"the chat template of {tokenizer.name_or_path or 'this tokenizer'}"
