"""A model's reply, strictly in one of two forms: JSON, or lines of `Q:` and `A:`."""

import json
import re
from typing import Any, Literal, NamedTuple

from epochwise.endpoint import JSON, Reply, UnclearError

Form = Literal["json", "lines"]

FENCE = re.compile(r"```(?:json)?\n(.*)\n```", re.DOTALL)
# `Q: ...`, also numbered or bold, and with the word that small models put behind it
LINE = re.compile(r"(?:\d+[.)] *)?\**(Q|A|Question|Answer)\**:\**(?: *(?:Question|Answer):)? *(.*)")
NONE = re.compile(r"\W*none\W*", re.IGNORECASE)


class Pair(NamedTuple):
    question: str
    answer: str
    quote: str = ""
    """The words of the passage that give the answer; empty where the model did not say."""


def pairs(reply: Reply, form: Form) -> list[Pair]:
    r"""Questions and answers; an empty list where the model found nothing to ask.

    Raises:
        UnclearError: The reply is not of the form.

    Example:
        >>> pairs(Reply("Q: Who made it?\nA: Osk.\nQ: When was", True), "lines")
        [Pair(question='Who made it?', answer='Osk.', quote='')]
    """
    if form == "lines":
        return _line_pairs(reply)
    return [_pair(item) for item in _list(reply, "pairs")]


def questions(reply: Reply, form: Form) -> list[str]:
    """Questions alone. Raises UnclearError where the reply is not of the form."""
    if form == "json":
        return [_words(item) for item in _list(reply, "questions")]
    found = [text for mark, text in _lines(reply) if mark == "Q" and text]
    if not found:
        raise UnclearError(f"the model replied {reply.text[:200]!r}, without a line `Q: ...`")
    return found


def paraphrases(reply: Reply, form: Form, *, of: int, count: int) -> list[list[str]]:
    """At most `count` other wordings of each of `of` questions. Raises UnclearError."""
    if form == "lines":
        return [questions(reply, form)[:count]]
    lists = _list(reply, "paraphrases")
    if len(lists) != of or not all(isinstance(one, list) for one in lists):
        raise UnclearError(f"the model gave {len(lists)} lists of paraphrases, not {of}")
    return [[_words(text) for text in one[:count]] for one in lists]


def answered(reply: Reply, form: Form) -> bool:
    """Whether the model found an answer. Raises UnclearError."""
    if form == "lines":
        return not NONE.fullmatch(reply.text)
    fields = _object(reply)
    if fields.keys() != {"answer"} or not isinstance(fields["answer"], str | None):
        raise UnclearError(f'the model replied {reply.text[:200]!r}, not {{"answer": ...}}')
    return bool(fields["answer"])


def rows(reply: Reply, form: Form) -> list[JSON]:
    """New rows with instruction, input and output, all text. Raises UnclearError."""
    if form == "json":
        return [_row(item) for item in _list(reply, "rows")]
    return [
        {"instruction": one.question, "input": "", "output": one.answer}
        for one in _line_pairs(reply)
    ]


def schema(kind: str) -> JSON:
    """What `response_format` asks a server for, so that it lets the model write nothing else."""
    text = {"type": "string"}
    inside = {
        "pairs": {"pairs": _list_of(_object_of(question=text, answer=text, quote=text))},
        "unanswerable": {"questions": _list_of(text)},
        "paraphrases": {"paraphrases": _list_of(_list_of(text))},
        "check": {"answer": {"type": ["string", "null"]}},
        "rows": {"rows": _list_of(_object_of(instruction=text, input=text, output=text))},
    }[kind]
    of = {"name": kind, "strict": True, "schema": _object_of(**inside)}
    return {"type": "json_schema", "json_schema": of}


def _line_pairs(reply: Reply) -> list[Pair]:
    """A question and the answer in the line after it; of a truncated reply not the last."""
    lines = _lines(reply)
    couples = zip(lines, lines[1:], strict=False)
    found = [
        Pair(one[1], other[1])
        for one, other in couples
        if (one[0], other[0]) == ("Q", "A") and one[1] and other[1]
    ]
    if not found:
        raise UnclearError(f"the model replied {reply.text[:200]!r}, without lines `Q:` and `A:`")
    return found


def _lines(reply: Reply) -> list[tuple[str, str]]:
    """The marked lines, Q or A and what is said; one that was cut off is not there."""
    texts = [line.strip() for line in reply.text.splitlines() if line.strip()]
    whole = texts[:-1] if reply.truncated else texts
    matches = [LINE.fullmatch(text) for text in whole]
    return [(match[1][0], match[2].strip(" *")) for match in matches if match]


def _object(reply: Reply) -> JSON:
    if reply.truncated:
        raise UnclearError("the reply was cut off: --max-reply-tokens may be too low")
    text = reply.text.strip()
    fenced = FENCE.fullmatch(text)
    try:
        fields = json.loads(fenced[1] if fenced else text)
    except (ValueError, RecursionError) as error:
        raise UnclearError(f"the model replied {text[:200]!r}, which is not JSON") from error
    if not isinstance(fields, dict):
        raise UnclearError(f"the model replied {text[:200]!r}, expected an object")
    return fields


def _list(reply: Reply, key: str) -> list[Any]:
    fields = _object(reply)
    if fields.keys() != {key} or not isinstance(fields[key], list):
        raise UnclearError(f"the model replied {reply.text[:200]!r}, not {{{key!r}: [...]}}")
    return list(fields[key])


def _pair(item: Any) -> Pair:
    fields = _fields(item, needed={"question", "answer"}, allowed={"quote"})
    return Pair(_words(fields["question"]), _words(fields["answer"]), _text(fields.get("quote")))


def _row(item: Any) -> JSON:
    fields = _fields(item, needed={"instruction", "output"}, allowed={"input"})
    return {
        "instruction": _words(fields["instruction"]),
        "input": _text(fields.get("input")),
        "output": _words(fields["output"]),
    }


def _fields(item: Any, *, needed: set[str], allowed: set[str]) -> JSON:
    if not isinstance(item, dict) or not needed <= item.keys() <= needed | allowed:
        raise UnclearError(f"the model wrote {str(item)[:200]!r}, expected {sorted(needed)}")
    return item


def _words(value: Any) -> str:
    text = _text(value)
    if not text:
        raise UnclearError("the model left a text empty")
    return text


def _text(value: Any) -> str:
    if not isinstance(value, str | None):
        raise UnclearError(f"the model wrote {str(value)[:200]!r} where text was asked for")
    return (value or "").strip()


def _list_of(items: JSON) -> JSON:
    return {"type": "array", "items": items}


def _object_of(**properties: JSON) -> JSON:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
