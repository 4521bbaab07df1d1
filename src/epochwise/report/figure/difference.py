"""Paired differences with their intervals, a line for each pair."""

from collections.abc import Sequence
from html import escape

from epochwise.record import JSON
from epochwise.report.figure.dots import on_lines
from epochwise.report.figure.style import colour, figure, scatter
from epochwise.report.language import Words

Difference = tuple[str, float, float, float]
"""Name, estimate, low, high."""


def difference_dots(found: Sequence[Difference], words: Words) -> JSON:
    """Left of zero the other run's loss is lower; sure differences leave out zero."""
    drawn = on_lines([name for name, *_ in found], words("label.difference"))
    drawn["height"] = 110 + 28 * len(found)
    ends = [end for _, _, *interval in found for end in interval] + [0.0]
    edge = 0.06 * ((max(ends) - min(ends)) or 1)
    drawn["xaxis"]["range"] = [min(ends) - edge, max(ends) + edge]
    zero = scatter(
        x=[0, 0],
        y=[-0.5, len(found) - 0.5],
        mode="lines",
        line={"color": "#808080", "width": 2},
        hoverinfo="skip",
    )
    return figure([zero, _dots(found)], drawn)


def _dots(found: Sequence[Difference]) -> JSON:
    return scatter(
        x=[estimate for _, estimate, _, _ in found],
        y=list(range(len(found))),
        error_x={
            "type": "data",
            "symmetric": False,
            "array": [high - estimate for _, estimate, _, high in found],
            "arrayminus": [estimate - low for _, estimate, low, _ in found],
            "thickness": 1.5,
            "color": colour(0),
        },
        text=[escape(name) for name, *_ in found],
        hovertemplate="%{text}<br>%{x:+.4f}<extra></extra>",
        mode="markers",
        marker={"size": 9, "symbol": "circle", "color": colour(0)},
    )
