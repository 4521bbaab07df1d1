"""What every format is read to: rows of messages; and what formats are read from: records."""

import math
from collections.abc import Iterable, Sequence
from typing import Any, Literal, NamedTuple

Role = Literal["system", "user", "assistant", "tool", "text"]


class Message(NamedTuple):
    role: Role
    content: str
    input: str = ""
    """Of a user: Alpaca's input, which its template sets apart from the instruction."""
    calls: tuple[str, ...] = ()
    """Of an assistant: function calls, each a JSON object with `name` and `arguments`."""
    trained: bool = True
    """Of an assistant: False for a turn that its source marks as not to be learnt."""

    @property
    def text(self) -> str:
        """All that is said, in one piece."""
        return f"{self.content}\n{self.input}" if self.input else self.content


NOTHING = Message("user", "")


class Row(NamedTuple):
    """What one row teaches: to give the last answer, or to continue a document."""

    messages: tuple[Message, ...]
    """The last is the assistant's; or there is one of role `text`, a document."""
    tools: tuple[str, ...] = ()
    """Definitions of functions that may be called, each a JSON object."""
    rejected: str = ""
    """The worse answer of a preference pair."""
    source: str = ""
    """The passage the row was made from; empty for none. Rows of one source stay together."""
    kind: str = ""
    place: str = ""
    """Where a person finds the row: `alpaca.json row 17`, counted from 1."""
    origin: str = ""
    """The name of its source, where several are mixed."""

    @property
    def asked(self) -> Message:
        """What the user said last; nothing where nobody asks, as of a document."""
        return next((said for said in self.messages[::-1] if said.role == "user"), NOTHING)

    @property
    def question(self) -> str:
        return self.asked.text

    @property
    def answer(self) -> str:
        return self.messages[-1].content

    @property
    def system(self) -> str:
        first = self.messages[0]
        return first.content if first.role == "system" else ""

    def asking(self, content: str) -> "Row":
        """The row with other words for its last question, about the same input."""
        last = max(n for n, message in enumerate(self.messages) if message.role == "user")
        asked = self.messages[last]._replace(content=content)
        return self._replace(messages=(*self.messages[:last], asked, *self.messages[last + 1 :]))

    def answering(self, content: str) -> "Row":
        """The row with another last answer."""
        answer = self.messages[-1]._replace(content=content)
        return self._replace(messages=(*self.messages[:-1], answer))


class Record(NamedTuple):
    """A row as it was found, not yet checked."""

    place: str
    fields: dict[str, Any]


def exchange(
    question: str,
    answer: str,
    *,
    input: str = "",
    system: str = "",
    history: Iterable[tuple[str, str]] = (),
) -> Row:
    """The row of a question and its answer, after earlier turns of user and assistant.

    Example:
        >>> [message.role for message in exchange("And?", "No.", history=[("Hi", "Ho")]).messages]
        ['user', 'assistant', 'user', 'assistant']
    """
    opening = [Message("system", system)] if system else []
    earlier = [
        message
        for user, assistant in history
        for message in (Message("user", user), Message("assistant", assistant))
    ]
    last = [Message("user", question, input), Message("assistant", answer)]
    return Row((*opening, *earlier, *last))


def seen(row: Row) -> list[Any]:
    """All of a row that a model sees, as plain data.

    Where a question with its answer says it all, that is Alpaca's five fields: hashes of rows have
    been kept in this form from the first, and recorded runs are compared by them.
    """
    asked, system = row.asked, row.system
    earlier = [said.content for said in row.messages[1 if system else 0 : -2]]
    history = list(zip(earlier[::2], earlier[1::2], strict=False))
    plain = exchange(asked.content, row.answer, input=asked.input, system=system, history=history)
    if plain.messages == row.messages and not row.tools and not row.rejected:
        return [asked.content, asked.input, row.answer, system, history]
    return [row.messages, row.tools, row.rejected]


def columns(records: Sequence[Record]) -> list[str]:
    return list(dict.fromkeys(name for record in records for name in record.fields))


def described(value: object) -> str:
    """A value as a message shows it, with its type in plain words.

    Example:
        >>> described(float("nan")), described(42), described(["a"])
        ('NaN', 'a number (42)', "a list (['a'])")
    """
    if isinstance(value, float) and math.isnan(value):
        return "NaN"
    words = {bool: "true or false", int: "a number", float: "a number", str: "text"}
    words |= {list: "a list", dict: "an object", type(None): "null"}
    shown = repr(value)
    shown = shown if len(shown) <= 60 else shown[:57] + "..."
    return f"{words.get(type(value), type(value).__name__)} ({shown})"
