"""Functions that a model may call, and its calls, as JSON objects of one shape."""

import json
from typing import Any

from epochwise.data.fields import Fields, parsed
from epochwise.data.formats import described

CALLS = ("function_call", "tool_call")  # ShareGPT's roles whose text is a call
CALL = 'a call such as {"name": "find", "arguments": {"x": 1}}'


def functions(record: Fields) -> tuple[str, ...]:
    """The definitions of a row's `tools`, without the wrapping that OpenAI gives them."""
    column = "tools" if record.value("tools") is not None else "functions"
    found = record.parsed(column)
    tools = _listed(found)
    if not isinstance(tools, list):
        record.note(column, f"is {described(tools)}, expected a list of function definitions")
        return ()
    inner = [_inner(parsed(tool)) for tool in tools]
    for number, tool in enumerate(inner, 1):
        if not isinstance(tool, dict) or not isinstance(tool.get("name"), str):
            fault = f"function {number} is {described(tool)}, expected an object with a name"
            record.note(column, fault)
            return ()
    return tuple(map(_text, inner))


def calls(record: Fields, column: str, part: str, found: Any) -> tuple[str, ...]:
    """The calls of one message: an object or a list of them, or either as JSON text."""
    listed = _listed(parsed(found))
    made = [_call(_inner(parsed(call))) for call in listed] if isinstance(listed, list) else [None]
    if None in made:
        record.note(column, f"{part}is {described(found)}, expected {CALL}")
        return ()
    return tuple(_text(call) for call in made)


def _call(call: Any) -> dict[str, Any] | None:
    if not isinstance(call, dict) or not isinstance(call.get("name"), str):
        return None
    arguments = call.get("arguments", call.get("parameters"))
    arguments = parsed(arguments) if arguments else {}
    return {"name": call["name"], "arguments": arguments} if isinstance(arguments, dict) else None


def _listed(found: Any) -> Any:
    """Nothing as an empty list, and one object as a list of it."""
    if found is None or isinstance(found, str) and not found.strip():
        return []
    return [found] if isinstance(found, dict) else found


def _inner(item: Any) -> Any:
    """What OpenAI wraps as {"type": "function", "function": ...}."""
    inner = item.get("function") if isinstance(item, dict) else None
    return parsed(inner) if inner is not None else item


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
