"""A prompt with what follows: one completion, or the better and the worse of two answers."""

import re
from typing import Any

from epochwise.data.dialogue import LISTS, is_dialogue, messages, row_of
from epochwise.data.fields import Fields, is_blank
from epochwise.data.formats import Message, Row

SPEAKER = re.compile(r"\n\n(Human|Assistant):")  # of Anthropic's published preferences


def completion(record: Fields) -> Row:
    """The row of `prompt` and `completion`, each a text or messages."""
    before = _side(record, "prompt", "user")
    after = _side(record, "completion", "assistant")
    return row_of(record, "completion" if before else "prompt", [*before, *after])


def preference(record: Fields) -> Row:
    """The row that teaches the better answer, and keeps the worse for preference training.

    Answers may be texts, messages, or whole conversations that part only at their ends.
    """
    before, chosen = _prompt(record), _answers(record, "chosen")
    rejected = _answers(record, "rejected")
    if len(chosen) > 1:  # a whole conversation
        _check_prompt(record, before, chosen)
        if chosen[:-1] != rejected[:-1] and not record.faults:
            fault = "differs from the chosen conversation before its last answer: let them part"
            record.note("rejected", f"{fault} only there")
        before = []
    elif not before and not record.faults:
        record.note("prompt", "is missing: fill it in or remove the row")
    worse = rejected[-1].content if rejected else ""
    if rejected and not worse:
        record.note("rejected", "is a call without words: only a text can be the worse answer")
    return row_of(record, "chosen", [*before, *chosen], worse)


def _prompt(record: Fields) -> list[Message]:
    if record.value(LISTS[0]) is not None:
        return messages(record, LISTS[0], record.parsed(LISTS[0]))
    if record.value("instruction") is not None:
        return [Message("user", record.text("instruction"), record.optional("input"))]
    name = "question" if record.value("prompt") is None else "prompt"
    return [] if record.value(name) is None else _side(record, name, "user")


def _answers(record: Fields, column: str) -> list[Message]:
    value = record.value(column)
    if isinstance(value, str) and SPEAKER.match(value):
        return _by_turns(record, column, value)
    return _side(record, column, "assistant")


def _side(record: Fields, column: str, role: Any) -> list[Message]:
    """Messages, or one of `role` where the column holds text."""
    found = record.parsed(column)
    if is_dialogue(record, found):
        return messages(record, column, found)
    text = record.text(column)
    return [] if is_blank(text) else [Message(role, text)]


def _by_turns(record: Fields, column: str, text: str) -> list[Message]:
    r"""What "\n\nHuman: ...\n\nAssistant: ..." says, turn by turn."""
    _, *parts = SPEAKER.split(text)
    turns = zip(parts[::2], parts[1::2], strict=True)
    items = [{"role": who.replace("Human", "user"), "content": said.strip()} for who, said in turns]
    return messages(record, column, items)


def _check_prompt(record: Fields, before: list[Message], chosen: list[Message]) -> None:
    """A prompt beside whole conversations must be how they begin."""
    asked = [said.text.strip() for said in before]
    begins = [said.text.strip() for said in chosen if said.role != "system"]
    if asked and begins[: len(asked)] != asked and chosen[0].text.strip() != asked[0]:
        record.note("chosen", "does not begin with the prompt: remove the one that is not meant")
