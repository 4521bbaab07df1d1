"""The surface of validation loss, every cell with its number."""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from epochwise.record import JSON
from epochwise.report.figure.style import INK, OUTLINE, channels, contrast, figure, layout, scatter
from epochwise.report.language import Words
from epochwise.report.numbers.heat import Heat

# Nuñez, Anderton and Renslow's cividis (10.1371/journal.pone.0199239): light grows evenly, and
# people of all kinds of colour vision see nearly the same.
CIVIDIS = (
    (0.0, "#00224e"),
    (0.2, "#35456c"),
    (0.4, "#666970"),
    (0.6, "#948e77"),
    (0.8, "#c8b866"),
    (1.0, "#fee838"),
)


class ColourRange(NamedTuple):
    low: float
    high: float
    clipped: bool
    """Some cells lie above `high`, the base model's loss: how far above matters to nobody."""


def colour_range(heats: Sequence[Heat]) -> ColourRange:
    cells = [loss for heat in heats for losses in heat.loss for loss in losses]
    finite = [loss for loss in cells if loss is not None and math.isfinite(loss)]
    low, high = min(finite, default=0.0), max(finite, default=1.0)
    base = max(heat.base for heat in heats)
    clipped = low < base < high
    return ColourRange(low, base if clipped else high, clipped)


def heat_map(heat: Heat, colours: ColourRange, words: Words) -> JSON:
    """Every cell prints its loss; a cell without one is a dash, never a colour."""
    columns, rows = range(len(heat.epochs)), range(len(heat.sizes))
    drawn = layout(96 + 46 * len(rows), words("label.epochs"), words("label.rows"))
    drawn["xaxis"] |= {
        "tickvals": list(columns),
        "ticktext": [str(count) for count in heat.epochs],
        "showgrid": False,
        "range": [-0.5, len(columns) - 0.5],
    }
    drawn["yaxis"] |= {
        "tickvals": list(rows),
        "ticktext": [f"{size:,}" for size in heat.sizes],
        "showgrid": False,
        "range": [-0.5, len(rows) - 0.5],
    }
    drawn["shapes"] = _outlines(heat)
    surface = _surface(heat, colours, words)
    return figure([surface, _written(heat, colours, words), _equals(heat, words)], drawn)


def _surface(heat: Heat, colours: ColourRange, words: Words) -> JSON:
    return {
        "type": "heatmap",
        "x": list(range(len(heat.epochs))),
        "y": list(range(len(heat.sizes))),
        "z": heat.loss,
        "text": [
            [f"{words.count(size, 'row')}, {words.count(count, 'epoch')}" for count in heat.epochs]
            for size in heat.sizes
        ],
        "customdata": heat.runs,  # the page goes there on a click
        "hovertemplate": "%{text}<br>"
        + words("label.val_hover", loss="%{z:.4f}")
        + "<extra></extra>",
        "hoverongaps": False,
        "colorscale": [[share, colour] for share, colour in CIVIDIS],
        "zmin": colours.low,
        "zmax": colours.high,
        "showscale": False,
        "xgap": 2,
        "ygap": 2,
    }


def _outlines(heat: Heat) -> list[JSON]:
    if heat.recommended is None:
        return []
    x = heat.epochs.index(heat.recommended.epochs)
    y = heat.sizes.index(heat.recommended.size)
    box = {"type": "rect", "x0": x - 0.48, "x1": x + 0.48, "y0": y - 0.47, "y1": y + 0.47}
    return [
        box | {"line": {"color": colour, "width": width}}
        for colour, width in (("#fff", 7), (OUTLINE, 4))
    ]


def _written(heat: Heat, colours: ColourRange, words: Words) -> JSON:
    """The text of every cell, in the ink that its colour bears best."""
    digits = 2 if len(heat.epochs) > 6 else 3
    cells = [
        (column, row, loss)
        for row, losses in enumerate(heat.loss)
        for column, loss in enumerate(losses)
    ]
    return scatter(
        x=[column for column, _, _ in cells],
        y=[row for _, row, _ in cells],
        mode="text",
        text=[_told(loss, digits, words) for _, _, loss in cells],
        textfont={
            "size": 11 if digits == 2 else 13,
            "color": [_ink(loss, colours) for _, _, loss in cells],
        },
        hoverinfo="skip",
    )


def _told(loss: float | None, digits: int, words: Words) -> str:
    if loss is None:
        return words("label.no_run")
    return f"{loss:.{digits}f}" if math.isfinite(loss) else words("label.lost")


def _ink(loss: float | None, colours: ColourRange) -> str:
    if loss is None or not math.isfinite(loss):
        return INK
    share = (loss - colours.low) / ((colours.high - colours.low) or 1)
    return max("#000000", "#ffffff", key=lambda ink: contrast(ink, cividis(share)))


def cividis(share: float) -> str:
    """The colour at that share of the range, from 0 to 1."""
    share = min(max(share, 0.0), 1.0)
    (start, low), (end, high) = next(
        (left, right) for left, right in pairwise(CIVIDIS) if share <= right[0]
    )
    part = (share - start) / (end - start)
    mixed = [round(a + (b - a) * part) for a, b in zip(channels(low), channels(high), strict=True)]
    return "#" + "".join(f"{channel:02x}" for channel in mixed)


def _equals(heat: Heat, words: Words) -> JSON:
    others = [cell for cell in heat.equals if cell != heat.recommended]
    return scatter(
        x=[heat.epochs.index(cell.epochs) + 0.36 for cell in others],
        y=[heat.sizes.index(cell.size) + 0.3 for cell in others],
        mode="markers",
        marker={
            "size": 10,
            "symbol": "circle",
            "color": OUTLINE,
            "line": {"color": "#fff", "width": 2},
        },
        hovertemplate=words("label.as_good") + "<extra></extra>",
    )
