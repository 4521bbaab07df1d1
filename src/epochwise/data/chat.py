"""A row as chat templates know it: messages, functions that may be called, and what to learn."""

import json
from collections.abc import Iterable, Iterator
from typing import Any, Literal, NamedTuple

from epochwise.data.formats import Message, Row

Said = dict[str, Any]


class Chat(NamedTuple):
    messages: list[Said]
    """Up to the last turn that is learnt: nothing after it has a say in any loss."""
    trained: tuple[int, ...]
    """Places of the turns that are learnt; none where a row marks all its answers as not to be."""
    tools: list[Said]


def chat(row: Row, turns: Literal["all", "last"]) -> Chat:
    """The conversation of a row that is no document."""
    answers = [
        place
        for place, said in enumerate(row.messages)
        if said.role == "assistant" and said.trained
    ]
    trained = tuple(answers if turns == "all" else answers[-1:])
    heard = row.messages[: trained[-1] + 1] if trained else row.messages
    return Chat(list(_messages(heard)), trained, [_definition(text) for text in row.tools])


def is_document(row: Row) -> bool:
    return row.messages[0].role == "text"


def _messages(messages: Iterable[Message]) -> Iterator[Said]:
    """Calls are numbered, and results take the numbers of the calls before them, in their order."""
    waiting: list[Said] = []
    numbered = 0
    for message in messages:
        said: Said = {"role": message.role, "content": message.text}
        if message.input:  # for the Alpaca template, which sets the two apart
            said |= {"instruction": message.content, "input": message.input}
        if message.calls:
            calls = [_call(text, numbered + n) for n, text in enumerate(message.calls, 1)]
            numbered += len(calls)
            waiting = list(calls)
            said["tool_calls"] = calls
        if message.role == "tool" and waiting:
            answered = waiting.pop(0)
            said |= {"tool_call_id": answered["id"], "name": answered["function"]["name"]}
        yield said


def _call(text: str, number: int) -> Said:
    """Nine letters and digits make a name: Mistral's templates take no other."""
    return {"id": f"call{number:05}", "type": "function", "function": json.loads(text)}


def _definition(text: str) -> Said:
    told: Said = json.loads(text)
    return told if "function" in told else {"type": "function", "function": told}
