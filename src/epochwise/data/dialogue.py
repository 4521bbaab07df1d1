"""Lists of messages to rows: ShareGPT's `conversations` and OpenAI's `messages`."""

from collections.abc import Sequence
from typing import Any

from epochwise.data.calls import CALLS, calls, functions
from epochwise.data.fields import Fields, is_blank
from epochwise.data.formats import Message, Role, Row, described
from epochwise.data.problems import nearest

LISTS = ("messages", "conversations", "conversation")  # names of the column with a dialogue
ROLES: dict[str, Role] = {
    **dict.fromkeys(("system", "developer"), "system"),
    **dict.fromkeys(("user", "human", "prompter"), "user"),
    **dict.fromkeys(("assistant", "gpt", "chatgpt", "bot", "model", *CALLS), "assistant"),
    **dict.fromkeys(("tool", "function", "observation", "tool_response"), "tool"),
}
AFTER: dict[str, tuple[str, ...]] = {  # who may speak next; `call` is an assistant's, and no more
    "nobody": ("system", "user"),
    "system": ("user",),
    "user": ("assistant", "call"),
    "assistant": ("user", "call"),
    "call": ("tool", "call"),
    "tool": ("tool", "assistant", "call"),
}


def dialogue(record: Fields) -> Row:
    """The row of a whole conversation, which the assistant must end."""
    return row_of(record, LISTS[0], messages(record, LISTS[0], record.parsed(LISTS[0])))


def row_of(record: Fields, column: str, said: Sequence[Message], rejected: str = "") -> Row:
    """The row of these messages if they take turns, with what else stands in its record."""
    if not record.faults:
        _check_turns(record, column, said)
    return Row(
        messages=tuple(_opening(record, said) + _joined(said)),
        tools=functions(record),
        rejected=rejected,
        source=record.optional("source"),
        kind=record.optional("kind"),
    )


def messages(record: Fields, column: str, found: Any) -> list[Message]:
    """The messages of a list, or as many as are right; what is wrong with the others is noted."""
    if isinstance(found, dict):
        found = [found]
    if not isinstance(found, list) or not found:
        what = "an empty list" if found == [] else described(found)
        record.note(column, f"is {what}, expected messages: fill them in or remove the row")
        return []
    numbered = enumerate(found, 1)
    made = [_message(record, column, f"message {number} ", item) for number, item in numbered]
    return [message for message in made if message is not None]


def is_dialogue(record: Fields, found: Any) -> bool:
    """Whether it is a message, or a list of them, rather than text."""
    first = found[0] if isinstance(found, list) and found else found
    return isinstance(first, dict) and bool({record.name("role"), "from"} & first.keys())


def _message(record: Fields, column: str, part: str, item: Any) -> Message | None:
    if not isinstance(item, dict):
        fault = f"{part}is {described(item)}, expected an object with role and content"
        record.note(column, fault)
        return None
    given = _first(item, record.name("role"), "from")
    role = ROLES.get(given.strip().lower()) if isinstance(given, str) else None
    if role is None:
        near = nearest(given, ROLES) if isinstance(given, str) else ""
        expected = "system, user, assistant or tool, or ShareGPT's human, gpt, observation"
        record.note(column, f"{part}has the role {given!r}, expected {expected}{near}")
        return None
    content = _first(item, record.name("content"), "value")
    if role != "assistant":
        return Message(role, _content(record, column, part, content))
    if given in CALLS and not is_blank(content):
        return Message(role, "", calls=calls(record, column, part, content))
    made = item.get("tool_calls") or item.get("function_call")
    called = calls(record, column, part, made)
    words = "" if made and is_blank(content) else _content(record, column, part, content)
    return Message(role, words, calls=called, trained=item.get("weight") != 0)


def _first(item: dict[str, Any], *names: str) -> Any:
    return next((item[name] for name in names if item.get(name) is not None), None)


def _content(record: Fields, column: str, part: str, content: Any) -> str:
    """Text, or the text of OpenAI's content parts."""
    if isinstance(content, list) and content and all(isinstance(one, dict) for one in content):
        other = [one.get("type") for one in content if one.get("type") != "text"]
        if other:
            fault = f"{part}has a part of type {other[0]!r}: only text can be trained on, remove it"
            record.note(column, fault)
            return ""
        return "".join(_content(record, column, part, one.get("text")) for one in content)
    if is_blank(content):
        record.note(column, f"{part}is empty: fill it in or remove the row")
        return ""
    return record.said(column, content, part)


def _check_turns(record: Fields, column: str, said: Sequence[Message]) -> None:
    """Notes the first message that comes out of turn, and an end that teaches nothing."""
    before = "nobody"
    for number, message in enumerate(said, 1):
        turn = "call" if message.calls and not message.content else message.role
        if turn not in AFTER[before]:
            allowed = " or ".join(dict.fromkeys(AFTER[before]))
            fault = f"message {number} is of the {turn} after {before}, expected {allowed}"
            record.note(column, f"{fault}: join, add or remove messages so that they take turns")
            return
        before = "call" if message.calls else message.role
    if said[-1].role != "assistant":
        fault = f"ends with the {said[-1].role}: add the assistant's answer, or remove the message"
        record.note(column, fault)


def _joined(said: Sequence[Message]) -> list[Message]:
    """A call right after the assistant's own words is part of the same message."""
    joined: list[Message] = []
    for message in said:
        if message.calls and not message.content and joined and joined[-1].role == "assistant":
            last = joined.pop()
            message = last._replace(calls=(*last.calls, *message.calls))
        joined.append(message)
    return joined


def _opening(record: Fields, said: Sequence[Message]) -> list[Message]:
    """The system message of a column of its own."""
    system = record.optional("system")
    if is_blank(system):
        return []
    if said and said[0].role == "system":
        record.note("system", "is given twice, here and as the first message: remove one")
    return [Message("system", system)]
