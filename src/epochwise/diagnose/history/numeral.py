"""Numbers as files have them: text, thousands separators, words for what is not finite."""

import math
import re
from typing import Any

WORDS = {
    "nan": math.nan, "inf": math.inf, "+inf": math.inf, "-inf": -math.inf, "infinity": math.inf,
    "-infinity": -math.inf, "+infinity": math.inf,
}  # fmt: skip
LARGEST = 1e100
LONGEST = 64  # characters of a number
PLAIN = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
GROUPED = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d+)?")


def number(value: Any) -> float | None:
    """The value as a float; None where it is none, or is left out.

    >>> number("1,234.5"), number("0.53"), number(""), number("tensor")
    (1234.5, 0.53, None, None)
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if not isinstance(value, str):
        return _bounded(value)
    told = _of_text(value.strip().lower()) if len(value) < LONGEST else None
    return None if told is None else _bounded(told)


def _bounded(value: int | float) -> float:
    """As infinite what no loss is: its square would be."""
    if abs(value) > LARGEST:
        return math.inf if value > 0 else -math.inf
    return float(value)


def _of_text(text: str) -> float | None:
    if text in WORDS:
        return WORDS[text]
    if PLAIN.fullmatch(text):
        return float(text)
    return float(text.replace(",", "")) if GROUPED.fullmatch(text) else None
