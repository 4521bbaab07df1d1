"""From the values of an axis to places in a picture."""

import math
from collections.abc import Sequence
from html import unescape
from typing import NamedTuple

from epochwise.record import JSON

MOST = 7  # ticks of an axis that names none


class Tick(NamedTuple):
    at: int | float
    text: str


class Scale(NamedTuple):
    low: int | float
    """The ends, as decimal logarithms where the axis is logarithmic."""
    high: int | float
    start: int | float
    """Where in the picture the ends lie."""
    end: int | float
    is_log: bool

    def at(self, value: int | float) -> float:
        place = math.log10(value) if self.is_log else value
        share = (place - self.low) / ((self.high - self.low) or 1)
        return self.start + share * (self.end - self.start)


def scale(axis: JSON, values: Sequence[int | float], start: int | float, end: int | float) -> Scale:
    """The axis's own range, else one that holds all finite values and a little more."""
    is_log = axis.get("type") == "log"
    if "range" in axis:
        low, high = axis["range"]
        return Scale(low, high, start, end, is_log)
    known = [math.log10(value) if is_log else value for value in values if math.isfinite(value)]
    low, high = min(known, default=0.0), max(known, default=1.0)
    edge = 0.06 * ((high - low) or 1)
    low = 0.0 if axis.get("rangemode") == "tozero" else low - edge
    return Scale(low, high + edge, start, end, is_log)


def ticks(axis: JSON, scale: Scale) -> list[Tick]:
    if "tickvals" in axis:
        texts = zip(axis["tickvals"], axis["ticktext"], strict=True)
        return [Tick(scale.at(value), unescape(text)) for value, text in texts]
    if scale.is_log:
        return [Tick(scale.at(value), f"{value:,.10g}") for value in _powers(scale)]
    step = round_step(scale.high - scale.low)
    first = math.ceil(scale.low / step)
    digits = max(0, -math.floor(math.log10(step)))
    steps = range(first, math.floor(scale.high / step) + 1)
    return [Tick(scale.at(i * step), f"{i * step:,.{digits}f}") for i in steps]


def _powers(scale: Scale) -> list[float]:
    """1, 2 and 5 times the powers of ten, or the powers alone where they are many."""
    powers = range(math.floor(scale.low), math.ceil(scale.high) + 1)
    factors = (1, 2, 5) if scale.high - scale.low < 2 else (1,)
    values = [factor * 10.0**power for power in powers for factor in factors]
    return [value for value in values if scale.low <= math.log10(value) <= scale.high]


def round_step(span: int | float) -> float:
    """The smallest of 1, 2 and 5 times a power of ten that parts the span at most `MOST` times.

    >>> round_step(3.4), round_step(0.09)
    (0.5, 0.02)
    """
    power = 10.0 ** math.floor(math.log10(span / MOST))
    step = next(factor for factor in (1, 2, 5, 10) if factor * power * MOST >= span) * power
    return round(step, 12)
