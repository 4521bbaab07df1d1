"""A value set in plain settings, just as Hydra sets one in its own."""

from copy import deepcopy
from typing import Any

MISSING = "???"  # as OmegaConf writes a value that must be given


def assign(settings: dict[str, Any], key: str, value: Any) -> None:
    """Sets a dotted key; a mapping goes into the mapping that is there, all else replaces it.

    Hydra does this through OmegaConf.update(merge=True) on nodes that admit no new keys.

    >>> settings = {"data": {"format": {"input": "text", "output": "answer"}, "size": 1}}
    >>> assign(settings, "data.format", {"input": "context"})
    >>> assign(settings, "data.size", 2)
    >>> settings
    {'data': {'format': {'input': 'context', 'output': 'answer'}, 'size': 2}}

    Raises:
        KeyError: The key, where the settings have none of that name.
        ValueError: A list would take the place of a mapping, or a mapping that of a list.
    """
    *groups, last = key.split(".")
    place: Any = settings
    for group in groups:
        place = place.get(group) if isinstance(place, dict) else None
    _merge(place, last, value, key)


def _merge(place: Any, name: Any, value: Any, key: str) -> None:
    if not isinstance(place, dict) or name not in place:
        raise KeyError(key)
    old = place[name]
    if {type(old), type(value)} == {dict, list}:
        have, form = ("list", "[a,b]") if isinstance(old, list) else ("mapping", "{name: value}")
        raise ValueError(f"{key}: is a {have}, so one must take its place; write {key}={form}")
    if not (isinstance(old, dict) and isinstance(value, dict)):
        place[name] = deepcopy(value)
        return
    for inner, item in value.items():
        if item != MISSING or inner not in old:  # what is missing replaces nothing
            _merge(old, inner, item, f"{key}.{inner}")
