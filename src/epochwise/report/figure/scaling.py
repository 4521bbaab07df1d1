"""Loss and best number of epochs against rows."""

import math
from collections.abc import Sequence
from html import escape

from epochwise.record import JSON
from epochwise.report.figure.style import colour, figure, layout, marker, scatter
from epochwise.report.language import Words
from epochwise.report.legend import Legend
from epochwise.report.numbers.optimum import Optima
from epochwise.report.numbers.scaling import Law, Scaling

LAW = {"color": "#808080", "width": 2, "dash": "dash"}


def scaling_lines(lines: Sequence[Scaling], law: Law | None, legend: Legend) -> JSON:
    """Loss against rows at the best number of epochs, and the fitted line to twice the rows."""
    words = legend.words
    traces = [_scaling(line, legend) for line in lines]
    sizes = sorted({size for line in lines for size in line.sizes})
    if law is not None:
        traces = [_band(law, lines), _law(law, words), *traces, _twice(law, words)]
        sizes.append(law.twice)
    drawn = _on_rows(sizes, 380, words("label.val_loss_axis"), words)
    return figure(traces, drawn)


def optimum_lines(lines: Sequence[Scaling], optima: Optima | None, legend: Legend) -> JSON:
    """The best number of epochs that was run at each size, and the law's with its interval."""
    words = legend.words
    traces = [
        _counted(line, legend) | {"y": line.epochs, "hovertemplate": _best_hover(words)}
        for line in lines
    ]
    sizes = sorted({size for line in lines for size in line.sizes})
    if optima is not None:
        traces.append(_optima(optima, words))
    drawn = _on_rows(sizes, 340, words("label.best_epochs_axis"), words)
    drawn["yaxis"] |= {"rangemode": "tozero"}
    return figure(traces, drawn)


def _on_rows(sizes: Sequence[int], height: int, up: str, words: Words) -> JSON:
    drawn = layout(height, words("label.rows"), up)
    drawn["xaxis"] |= {
        "type": "log",
        "tickvals": list(sizes),
        "ticktext": [f"{size:,}" for size in sizes],
        "range": [math.log10(sizes[0] / 1.3), math.log10(sizes[-1] * 1.3)],
    }
    return drawn


def _counted(line: Scaling, legend: Legend) -> JSON:
    index = legend.number(line.arm)
    return scatter(
        x=line.sizes,
        name=escape(line.arm),
        meta=legend.choices(line.arm),
        mode="lines+markers",
        line={"color": colour(index), "width": 2.5},
        marker={"size": 9, "symbol": marker(index), "color": colour(index)},
    )


def _scaling(line: Scaling, legend: Legend) -> JSON:
    words = legend.words
    told = words("label.scaling_hover", rows="%{x}", epochs="%{text}", loss="%{y:.4f}")
    return _counted(line, legend) | {
        "y": line.loss,
        "text": [words.count(count, "epoch") for count in line.epochs],
        "hovertemplate": f"%{{fullData.name}}<br>{told}<extra></extra>",
    }


def _best_hover(words: Words) -> str:
    told = words("label.best_hover", rows="%{x}", epochs="%{y}")
    return f"%{{fullData.name}}<br>{told}<extra></extra>"


def _law(law: Law, words: Words) -> JSON:
    return scatter(
        x=law.sizes,
        y=law.loss,
        name=escape(words("label.law")),
        hovertemplate="%{fullData.name}: %{y:.4f}<extra></extra>",
        mode="lines",
        line=LAW,
    )


def _band(law: Law, lines: Sequence[Scaling]) -> JSON:
    """From the largest size that was run, where nothing is foretold, to twice the rows."""
    largest = max(size for line in lines for size in line.sizes)
    start = law.loss[min(range(len(law.sizes)), key=lambda i: abs(law.sizes[i] - largest))]
    return scatter(
        x=[largest, law.twice, law.twice],
        y=[start, law.low, law.high],
        mode="lines",
        fill="toself",
        fillcolor="rgba(128,128,128,.22)",
        line={"width": 0, "color": "#808080"},
        hoverinfo="skip",
    )


def _twice(law: Law, words: Words) -> JSON:
    return scatter(
        x=[law.twice],
        y=[law.expected],
        error_y={
            "type": "data",
            "symmetric": False,
            "array": [law.high - law.expected],
            "arrayminus": [law.expected - law.low],
            "thickness": 1.5,
            "color": "#808080",
        },
        name=escape(words("label.twice")),
        hovertemplate="%{fullData.name}: %{y:.4f}<extra></extra>",
        mode="markers",
        marker={"size": 10, "symbol": "circle-open", "color": "#808080"},
    )


def _optima(optima: Optima, words: Words) -> JSON:
    above = [high - best for high, best in zip(optima.high, optima.epochs, strict=True)]
    below = [best - low for low, best in zip(optima.low, optima.epochs, strict=True)]
    return scatter(
        x=optima.sizes,
        y=optima.epochs,
        error_y={"type": "data", "symmetric": False, "array": above, "arrayminus": below}
        | {"thickness": 1.5, "color": "#808080"},
        name=escape(words("label.law_optimum")),
        hovertemplate=_best_hover(words),
        mode="lines+markers",
        line=LAW,
        marker={"size": 10, "symbol": "circle-open", "color": "#808080"},
    )
