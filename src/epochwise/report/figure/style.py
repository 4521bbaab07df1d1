"""What all figures share: colours, signs, axes."""

from collections.abc import Sequence
from html import escape
from typing import Any

from epochwise.record import JSON, finite

# Okabe and Ito's colours (https://jfly.uni-koeln.de/color/) of those lightnesses that stand out
# 3:1 from white and from the dark page alike, their orange darkened until it does.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#a97400", "#808080")
MARKERS = ("circle", "square", "diamond", "triangle-up", "x", "star", "cross")
OUTLINE = "#ee3311"  # stands out from every colour of cividis
INK = "#010203"  # the page writes text of this colour in its own ink
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"


def channels(colour: str) -> tuple[int, int, int]:
    """Red, green and blue of `#rrggbb`, 0 to 255."""
    red, green, blue = bytes.fromhex(colour[1:])
    return red, green, blue


def contrast(one: str, other: str) -> float:
    """The ratio of luminances by WCAG 2, from 1 to 21.

    >>> contrast("#ffffff", "#000000")
    21.0
    """
    low, high = sorted((_luminance(one), _luminance(other)))
    return round((high + 0.05) / (low + 0.05), 6)


def _luminance(colour: str) -> float:
    shares = [channel / 255 for channel in channels(colour)]
    linear = [x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in shares]
    return sum(part * x for part, x in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def colour(index: int) -> str:
    return COLOURS[index % len(COLOURS)]


def marker(index: int) -> str:
    """Seven signs and six colours: the 43rd arm is the first that looks like another."""
    return MARKERS[index % len(MARKERS)]


def layout(height: int, across: str, up: str) -> JSON:
    clear = "rgba(0,0,0,0)"
    return {
        "template": {},
        "height": height,
        "margin": {"l": 56, "r": 12, "t": 14, "b": 48},
        "paper_bgcolor": clear,
        "plot_bgcolor": clear,
        "font": {"family": FONT, "size": 13},
        "showlegend": False,
        "hovermode": "closest",
        "dragmode": False,
        "xaxis": _axis(across, standoff=10),
        "yaxis": _axis(up, standoff=8),
    }


def _axis(title: str, standoff: int) -> JSON:
    return {
        "title": {"text": escape(title), "standoff": standoff},
        "gridcolor": "rgba(128,128,128,.22)",
        "zeroline": False,
        "automargin": True,
    }


def figure(traces: Sequence[JSON], layout: JSON) -> JSON:
    """As plotly.js draws it; NaN and infinity are null."""
    found: JSON = finite({"data": list(traces), "layout": layout})
    return found


def scatter(**settings: Any) -> JSON:
    return {"type": "scatter", **settings}
