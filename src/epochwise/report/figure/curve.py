"""Loss curves, and the gap between the two losses."""

import math
from collections.abc import Sequence
from html import escape
from itertools import pairwise
from typing import NamedTuple

from epochwise.record import JSON
from epochwise.report.figure.style import colour, figure, layout, marker, scatter
from epochwise.report.language import Words
from epochwise.report.legend import Legend
from epochwise.report.numbers.curve import Curve


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


def curve_panel(curves: Sequence[Curve], legend: Legend, frame: Frame) -> JSON:
    """Validation solid, probe dashed, in the colour of the arm; a star where to stop."""
    words = legend.words
    traces = [trace for curve in curves for trace in _curve(curve, legend, frame)]
    drawn = _drawn(frame, words("label.loss"), words)
    drawn["yaxis"]["range"] = [0, top(curves)]
    return figure(traces, drawn)


def gap_panel(curves: Sequence[Curve], legend: Legend, frame: Frame) -> JSON:
    """Validation minus probe: it opens where rows are learnt by heart."""
    words = legend.words
    traces = [
        _line(curve, (words("label.gap"), curve.gap, "solid"), legend, frame) for curve in curves
    ]
    return figure(traces, _drawn(frame, words("label.gap_axis"), words))


def _drawn(frame: Frame, up: str, words: Words) -> JSON:
    drawn = layout(330, words("label.epochs_axis"), up)
    drawn["xaxis"]["range"] = [-0.15, _place(frame.last, frame) * 1.04]
    if frame.doubling:
        ticks = [0, *(2**power for power in range(frame.last.bit_length()))]
        places = [_place(tick, frame) for tick in ticks]
        drawn["xaxis"] |= {"tickvals": places, "ticktext": [str(tick) for tick in ticks]}
    return drawn


def _curve(curve: Curve, legend: Legend, frame: Frame) -> list[JSON]:
    words = legend.words
    probe = (words("label.probe"), curve.probe, "dash")
    val = (words("label.val"), curve.val, "solid")
    lines = [_line(curve, line, legend, frame) for line in (probe, val)]
    return [*lines, *_onset(curve, legend, frame), _star(curve, legend, frame)]


def _line(
    curve: Curve, drawn: tuple[str, tuple[float, ...], str], legend: Legend, frame: Frame
) -> JSON:
    name, losses, dash = drawn
    index = legend.number(curve.arm)
    return scatter(
        x=[_place(epoch, frame) for epoch in curve.epochs],
        y=losses,
        text=[str(epoch) for epoch in curve.epochs],
        name=escape(f"{curve.arm}, {name}"),
        hovertemplate="%{fullData.name}<br>"
        + legend.words("label.epoch_hover", epoch="%{text}", loss="%{y:.4f}")
        + "<extra></extra>",
        meta=legend.choices(curve.arm, curve.size),
        showlegend=dash == "solid",  # of a picture; the page has a key of its own
        mode="lines+markers",
        line={"color": colour(index), "width": 2.5, "dash": dash},
        marker={"size": 5, "symbol": marker(index), "color": colour(index)},
    )


def _star(curve: Curve, legend: Legend, frame: Frame) -> JSON:
    best = curve.epochs.index(curve.best_epoch)
    line = _line(curve, (legend.words("label.lowest"), curve.val, "solid"), legend, frame)
    shown = {"size": 17, "symbol": "star", "line": {"color": "#fff", "width": 1.5}}
    shown["color"] = line["marker"]["color"]
    points = {key: [line[key][best]] for key in ("x", "y", "text")}
    return line | points | {"mode": "markers", "marker": shown, "showlegend": False}


def _onset(curve: Curve, legend: Legend, frame: Frame) -> list[JSON]:
    if curve.onset is None:
        return []
    place = _place(curve.onset, frame)
    told = legend.words("label.rises", epoch=f"{curve.onset:.3g}")
    return [
        scatter(
            x=[place, place],
            y=[0, between(curve.onset, curve.epochs, curve.val)],
            name=escape(f"{curve.arm}: {told}"),
            hovertemplate="%{fullData.name}<extra></extra>",
            meta=legend.choices(curve.arm, curve.size),
            showlegend=False,
            mode="lines",
            line={"color": colour(legend.number(curve.arm)), "width": 1.5, "dash": "dot"},
        )
    ]


def between(epoch: int | float, epochs: Sequence[int], losses: Sequence[float]) -> float:
    """The loss on the straight line between two measured epochs.

    >>> between(1.5, (0, 1, 2), (4.0, 2.0, 3.0))
    2.5
    """
    for (left, low), (right, high) in pairwise(zip(epochs, losses, strict=True)):
        if left <= epoch <= right:
            return low + (high - low) * (epoch - left) / (right - left)
    raise ValueError(f"epoch {epoch} is not between those of the curve, {epochs[0]}-{epochs[-1]}")


def _place(epoch: int | float, frame: Frame) -> int | float:
    """Where an epoch stands: doublings are 1 apart, and so are the base model and epoch 1."""
    return math.log2(epoch) + 1 if frame.doubling and epoch >= 1 else epoch
