"""Conversations to text, by the tokenizer's chat template."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from jinja2 import TemplateError
from transformers import PreTrainedTokenizerBase

from epochwise.data.chat import Said

# Llama's templates print today's date unless told one: numbers must not depend on the day.
# This is the date that they print themselves where they know none.
DATE = "26 Jul 2024"
REFUSALS = (TemplateError, TypeError)  # by a template's own word, or as it adds what is no text

Heard = tuple[list[Said], list[Said]]  # messages, and the functions that may be called


class Refused(NamedTuple):
    reason: str


def rendered(
    conversations: Sequence[Heard], tokenizer: PreTrainedTokenizerBase, *, to_answer: bool
) -> list[str | Refused]:
    """The text of each conversation; `to_answer`: up to where the model is to begin."""
    if any(tools for _, tools in conversations):
        return [_one(heard, tokenizer, to_answer) for heard in conversations]
    if not conversations:
        return []
    try:
        return _many([messages for messages, _ in conversations], tokenizer, to_answer)
    except REFUSALS:
        return [_one(heard, tokenizer, to_answer) for heard in conversations]


def _many(
    messages: list[list[Said]], tokenizer: PreTrainedTokenizerBase, to_answer: bool
) -> list[str | Refused]:
    texts: Any = tokenizer.apply_chat_template(
        messages, tokenize=False, add_generation_prompt=to_answer, date_string=DATE
    )
    return list(texts)


def _one(heard: Heard, tokenizer: PreTrainedTokenizerBase, to_answer: bool) -> str | Refused:
    messages, tools = heard
    functions: Any = tools or None
    try:
        text: Any = tokenizer.apply_chat_template(
            messages,
            tools=functions,
            tokenize=False,
            add_generation_prompt=to_answer,
            date_string=DATE,
        )
    except REFUSALS as error:
        return Refused(str(error))
    return str(text)
