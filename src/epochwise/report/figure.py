"""Numbers -> plotly figures as JSON. Colours of text and paper are left to the page's style."""

import json
import math
from collections.abc import Mapping, Sequence
from html import escape
from itertools import pairwise
from typing import NamedTuple

import plotly.graph_objects as go

from epochwise.quality import Measure
from epochwise.record import JSON
from epochwise.report.numbers import Curve, Heat, Scaling

# Paul Tol's vibrant scheme, told apart by colour-blind readers, on white and on black alike.
COLOURS = ("#0077bb", "#ee7733", "#009988", "#cc3311", "#33bbee", "#ee3377", "#999999")
MARKERS = ("circle", "square", "diamond", "triangle-up", "x", "star", "cross")
OUTLINE = "#ee3311"  # stands out from every colour of cividis
LOSS = "loss, nats per response token"
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"


class Frame(NamedTuple):
    """What all panels of one kind share, so that they can be compared by eye."""

    doubling: bool
    """Epochs stand a doubling apart, because the study's do."""
    last: int


def frame(curves: Sequence[Curve]) -> Frame:
    lengths = {curve.epochs[-1] for curve in curves}
    last = max(lengths)
    return Frame(last > 2 and all(count.bit_count() == 1 for count in lengths), last)


def top(curves: Sequence[Curve]) -> float:
    """Where a panel ends: just above its curves from epoch 1 on, so that a rise can be seen.

    The untuned base model is mostly far above. A diverged curve leaves at twice its loss.
    """
    tuned = [x for curve in curves for x in (*curve.val[1:], *curve.probe[1:]) if math.isfinite(x)]
    bases = [curve.val[0] for curve in curves if math.isfinite(curve.val[0])]
    return 1.05 * min(max(tuned, default=1), 2 * max(bases, default=math.inf))


def curve_panel(curves: Sequence[Curve], arms: Sequence[str], frame: Frame) -> JSON:
    """Validation solid, probe dashed, in the colour of the arm; a star where to stop."""
    traces = [trace for curve in curves for trace in _curve(curve, arms.index(curve.arm), frame)]
    ticks = [0, *(2**power for power in range(frame.last.bit_length()))]
    layout = _layout(330, "epochs (0: untuned base model)", LOSS)
    layout.update(yaxis_range=[0, top(curves)], hovermode="closest")
    layout.xaxis.update(range=[-0.15, _place(frame.last, frame) * 1.04])
    if frame.doubling:
        layout.xaxis.update(tickvals=[_place(tick, frame) for tick in ticks], ticktext=ticks)
    return _json(traces, layout)


def _curve(curve: Curve, index: int, frame: Frame) -> list[go.Scatter]:
    colour = COLOURS[index % len(COLOURS)]
    places = [_place(epoch, frame) for epoch in curve.epochs]
    best = curve.epochs.index(curve.best_epoch)
    group = str(index)  # the page shows and hides arms by it
    hover = "%{customdata}<br>epoch %{text}: %{y:.4f} nats<extra></extra>"

    def line(name: str, losses: tuple[float, ...], dash: str) -> go.Scatter:
        return go.Scatter(
            x=places,
            y=losses,
            text=curve.epochs,
            customdata=[f"{escape(curve.arm)}, {name}"] * len(places),
            hovertemplate=hover,
            legendgroup=group,
            mode="lines+markers",
            line={"color": colour, "width": 2.5, "dash": dash},
            marker={"size": 4, "symbol": MARKERS[index % len(MARKERS)]},
        )

    star = go.Scatter(
        x=[places[best]],
        y=[curve.val[best]],
        text=[curve.best_epoch],
        customdata=[f"{escape(curve.arm)}, lowest validation loss"],
        hovertemplate=hover,
        legendgroup=group,
        mode="markers",
        marker={
            "size": 17,
            "symbol": "star",
            "color": colour,
            "line": {"color": "#fff", "width": 1.5},
        },
    )
    lines = [line("training probe", curve.probe, "dash"), line("validation", curve.val, "solid")]
    return [*lines, *_onset(curve, colour, group, frame), star]


def _onset(curve: Curve, colour: str, group: str, frame: Frame) -> list[go.Scatter]:
    if curve.onset is None:
        return []
    place = _place(curve.onset, frame)
    return [
        go.Scatter(
            x=[place, place],
            y=[0, _between(curve.onset, curve.epochs, curve.val)],
            hovertemplate=f"{escape(curve.arm)}: validation loss rises"
            f" from epoch {curve.onset:.3g} on<extra></extra>",
            legendgroup=group,
            mode="lines",
            line={"color": colour, "width": 1.5, "dash": "dot"},
        )
    ]


def _between(epoch: int | float, epochs: Sequence[int], losses: Sequence[float]) -> float:
    """The loss on the straight line between two measured epochs.

    >>> _between(1.5, (0, 1, 2), (4.0, 2.0, 3.0))
    2.5
    """
    for (left, low), (right, high) in pairwise(zip(epochs, losses, strict=True)):
        if left <= epoch <= right:
            return low + (high - low) * (epoch - left) / (right - left)
    raise ValueError(f"epoch {epoch} is not between those of the curve, {epochs[0]}-{epochs[-1]}")


def _place(epoch: int | float, frame: Frame) -> int | float:
    """Where an epoch stands: doublings are 1 apart, and so are the base model and epoch 1."""
    return math.log2(epoch) + 1 if frame.doubling and epoch >= 1 else epoch


def answer_dots(measured: Mapping[str, Mapping[str, Measure]]) -> JSON:
    """A line for each thing asked, a dot with its interval for each arm."""
    asked = list(measured)
    arms = list(dict.fromkeys(arm for found in measured.values() for arm in found))
    traces = [_dots(arm, index, len(arms), measured) for index, arm in enumerate(arms)]
    layout = _layout(90 + 46 * len(asked), "share of answers", "")
    layout.update(xaxis_range=[-0.03, 1.03], showlegend=True)
    layout.update(legend={"orientation": "h", "y": 1.02, "yanchor": "bottom"})
    ticks = [escape(name) for name in asked]
    layout.yaxis.update(tickvals=list(range(len(asked))), ticktext=ticks)
    layout.yaxis.update(range=[len(asked) - 0.5, -0.5])
    return _json(traces, layout)


def _dots(
    arm: str, index: int, arms: int, measured: Mapping[str, Mapping[str, Measure]]
) -> go.Scatter:
    places = {name: place for place, name in enumerate(measured) if arm in measured[name]}
    found = [measured[name][arm] for name in places]
    beside = 0.2 * (index - (arms - 1) / 2)
    return go.Scatter(
        x=[each.value for each in found],
        y=[place + beside for place in places.values()],
        error_x={
            "type": "data",
            "symmetric": False,
            "array": [each.high - each.value for each in found],
            "arrayminus": [each.value - each.low for each in found],
            "thickness": 1.5,
            "width": 3,
        },
        name=escape(arm),
        text=[
            f"{escape(name)}<br>{each.n} questions"
            for name, each in zip(places, found, strict=True)
        ],
        hovertemplate="%{text}<br>%{x:.3f}<extra>" + escape(arm) + "</extra>",
        mode="markers",
        marker={
            "size": 9,
            "color": COLOURS[index % len(COLOURS)],
            "symbol": MARKERS[index % len(MARKERS)],
        },
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


def heat_map(heat: Heat, colours: ColourRange) -> JSON:
    """Every cell prints its loss; a cell without one is a dash, never a colour."""
    columns, rows = range(len(heat.epochs)), range(len(heat.sizes))
    cells = [[f"{size} rows, {epochs} epochs" for epochs in heat.epochs] for size in heat.sizes]
    surface = go.Heatmap(
        x=list(columns),
        y=list(rows),
        z=heat.loss,
        text=cells,
        texttemplate="%{z:.3f}",
        textfont={"size": 14},
        hovertemplate="%{text}<br>validation loss %{z:.4f} nats<extra></extra>",
        hoverongaps=False,
        colorscale="Cividis",
        zmin=colours.low,
        zmax=colours.high,
        showscale=False,
        xgap=2,
        ygap=2,
    )
    layout = _layout(96 + 58 * len(rows), "epochs", "training rows")
    layout.xaxis.update(tickvals=list(columns), ticktext=heat.epochs, showgrid=False)
    layout.update(xaxis_range=[-0.5, len(columns) - 0.5], yaxis_range=[-0.5, len(rows) - 0.5])
    layout.yaxis.update(tickvals=list(rows), ticktext=heat.sizes, showgrid=False)
    layout.update(shapes=_outlines(heat))
    return _json([surface, _missing(heat), _equals(heat)], layout)


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


def _missing(heat: Heat) -> go.Scatter:
    empty = [
        (column, row)
        for row, losses in enumerate(heat.loss)
        for column, loss in enumerate(losses)
        if loss is None or not math.isfinite(loss)
    ]
    return go.Scatter(
        x=[x for x, _ in empty],
        y=[y for _, y in empty],
        mode="text",
        text=["no run" if heat.loss[y][x] is None else "not finite" for x, y in empty],
        textfont={"size": 12},
        hoverinfo="skip",
    )


def _equals(heat: Heat) -> go.Scatter:
    others = [cell for cell in heat.equals if cell != heat.recommended]
    return go.Scatter(
        x=[heat.epochs.index(cell.epochs) + 0.36 for cell in others],
        y=[heat.sizes.index(cell.size) + 0.3 for cell in others],
        mode="markers",
        marker={
            "size": 11,
            "symbol": "circle",
            "color": OUTLINE,
            "line": {"color": "#fff", "width": 2},
        },
        hovertemplate="as good within the noise<extra></extra>",
    )


def scaling_lines(lines: Sequence[Scaling], arms: Sequence[str]) -> JSON:
    """Loss against rows at the best number of epochs, which is written beside it."""
    traces = [_scaling(line, arms.index(line.arm)) for line in lines]
    sizes = sorted({size for line in lines for size in line.sizes})
    layout = _layout(360, "training rows", f"validation {LOSS}")
    sides = [math.log10(sizes[0] / 1.3), math.log10(sizes[-1] * 1.3)]
    layout.xaxis.update(type="log", tickvals=sizes, ticktext=sizes, range=sides)
    return _json(traces, layout)


def _scaling(line: Scaling, index: int) -> go.Scatter:
    colour = COLOURS[index % len(COLOURS)]
    return go.Scatter(
        x=line.sizes,
        y=line.loss,
        text=[f"{count} epoch{'s' * (count > 1)}" for count in line.epochs],
        mode="lines+markers+text",
        textposition=("bottom center", "top center")[index % 2],
        textfont={"color": colour},
        cliponaxis=False,
        legendgroup=str(index),
        hovertemplate=f"{escape(line.arm)}"
        "<br>%{x} rows, %{text}: %{y:.4f} nats<extra></extra>",
        line={"color": colour, "width": 2.5},
        marker={"size": 9, "symbol": MARKERS[index % len(MARKERS)]},
    )


def _layout(height: int, across: str, up: str) -> go.Layout:
    grid = {"gridcolor": "rgba(128,128,128,.22)", "zeroline": False, "automargin": True}
    clear = "rgba(0,0,0,0)"
    return go.Layout(
        template="none",
        height=height,
        margin={"l": 56, "r": 12, "t": 14, "b": 48},
        paper_bgcolor=clear,
        plot_bgcolor=clear,
        font={"family": FONT, "size": 13},
        showlegend=False,
        xaxis={"title": {"text": across, "standoff": 10}, **grid},
        yaxis={"title": {"text": up, "standoff": 8}, **grid},
        dragmode=False,
    )


def _json(traces: Sequence[go.Scatter | go.Heatmap], layout: go.Layout) -> JSON:
    figure: JSON = json.loads(go.Figure(list(traces), layout).to_json())
    return figure
