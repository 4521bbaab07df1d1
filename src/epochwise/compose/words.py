"""pydantic's errors in plain words: key=value: what is allowed."""

import json
from functools import cache
from typing import Any

from pydantic import ValidationError

from epochwise.compose.nearest import hint, nearest, nearest_key
from epochwise.config import Config

Schema = dict[str, Any]
PATTERNS = {  # regular expressions in words
    "study": "1 to 64 letters, digits, '.', '_' or '-', a letter or digit first",
    "track.project": "1 to 128 characters, none of / \\ # ? % :",
    "folder": "the path of a folder",
    "data.sources": (
        "a mapping {NAME: {path: FILE, format: auto, weight: 1, val_size: null}}, or null"
    ),
}
BOUNDS = {
    "minimum": "{} or more",
    "exclusiveMinimum": "over {}",
    "maximum": "at most {}",
    "exclusiveMaximum": "under {}",
}
INSIDE = {"extra_forbidden": "no such key", "missing": "is missing"}  # of a key's own mapping
TYPES = {
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "string": "text",
    "null": "null",
    "array": "a list of text",
    "object": "a mapping of column names, {instruction: question}",
}


def problems_of(error: ValidationError, settings: dict[str, Any]) -> list[str]:
    """One line for each key that is wrong."""
    shapes = _shapes()
    lines: list[str] = []
    for part in error.errors():
        if part["type"] == "value_error":
            lines += _told(part["ctx"]["error"], ".".join(map(str, part["loc"])), settings)
            continue
        path = [str(step) for step in part["loc"]]
        key = ".".join(path[:1] if path[0] in shapes else path[:2])
        inside = INSIDE.get(part["type"]) if key in shapes else None
        if inside:
            lines.append(f"{'.'.join(path)}: {inside}; {key} must be {_allowed(key, shapes)}")
        else:
            lines.append(_line(key, part["type"], settings, shapes))
    return list(dict.fromkeys(lines))


def _told(error: Exception, key: str, settings: dict[str, Any]) -> list[str]:
    """What one of our own checks says: of a key, or of several keys of a group."""
    if "." in key:
        return [f"{key}={_shown(value_of(settings, key))}: {error}"]
    return [f"{key}.{text}" for text in str(error).split("; ")]


def value_of(settings: Any, key: str) -> Any:
    for step in key.split("."):
        settings = settings[step]
    return settings


def _line(key: str, kind: str, settings: dict[str, Any], shapes: dict[str, Schema]) -> str:
    if kind == "extra_forbidden":
        known = {*shapes, *(shape.partition(".")[0] for shape in shapes)}
        return f"{key}: no such key{hint(nearest_key(key, known - {key}))}"
    if kind == "missing":
        return f"{key}: is missing; it must be {_allowed(key, shapes)}"
    value = value_of(settings, key)
    meant = nearest(value, _names(shapes[key])) if key in shapes and type(value) is str else None
    return f"{key}={_shown(value)}: must be {_allowed(key, shapes)}{hint(meant)}"


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _allowed(key: str, shapes: dict[str, Schema]) -> str:
    if key not in shapes:
        return "a mapping of keys to values" if "." not in key else "plain data"
    return PATTERNS.get(key) or _describe(shapes[key])


def _describe(shape: Schema) -> str:
    if "anyOf" in shape:
        return " or ".join(_describe(option) for option in shape["anyOf"])
    if "enum" in shape:
        return f"one of {', '.join(shape['enum'])}"
    bounds = [text.format(shape[bound]) for bound, text in BOUNDS.items() if bound in shape]
    return ", ".join([TYPES[shape["type"]], *bounds])


def _names(shape: Schema) -> list[str]:
    options = [shape, *shape.get("anyOf", [])]
    return [name for option in options for name in option.get("enum", [])]


@cache
def _shapes() -> dict[str, Schema]:
    """Dotted key -> JSON schema of its value, for every key that has one."""
    schema = Config.model_json_schema()
    shapes: dict[str, Schema] = {}
    for key, shape in schema["properties"].items():
        if "$ref" not in shape:
            shapes[key] = shape
            continue
        group = schema["$defs"][shape["$ref"].rpartition("/")[2]]
        shapes |= {f"{key}.{name}": part for name, part in group["properties"].items()}
    return shapes
