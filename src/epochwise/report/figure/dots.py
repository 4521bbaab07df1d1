"""Figures of dots: answers, quality against loss, seeds, and what a lower loss costs."""

from collections.abc import Mapping, Sequence
from html import escape

from epochwise.quality import BASE, RUN, Measure
from epochwise.record import JSON
from epochwise.report.figure.style import colour, figure, layout, marker, scatter
from epochwise.report.language import Words
from epochwise.report.legend import Legend
from epochwise.report.numbers.frontier import Frontier, Priced
from epochwise.report.numbers.quality import Scored
from epochwise.report.numbers.seeds import Spread


def answer_dots(measured: Mapping[str, Mapping[str, Measure]], words: Words) -> JSON:
    """A line for each thing asked, a dot with its interval for each arm."""
    asked = list(measured)
    arms = list(dict.fromkeys(arm for found in measured.values() for arm in found))
    traces = [
        _dots(arm, index, len(arms), measured) | {"name": escape(arm_name(arm, words))}
        for index, arm in enumerate(arms)
    ]
    drawn = on_lines(asked, words("label.share"))
    drawn["xaxis"]["range"] = [-0.03, 1.03]
    drawn |= {"showlegend": True, "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom"}}
    return figure(traces, drawn)


def arm_name(arm: str, words: Words) -> str:
    """`base + 4 shots` in the reader's language."""
    if arm == RUN:
        return words("samples.best")
    base, plus, shots = arm.partition(" ")
    return f"{words('samples.base')}{plus}{shots}" if base == BASE else arm


def on_lines(names: Sequence[str], across: str) -> JSON:
    """A layout with one line for each name, the first on top."""
    drawn = layout(90 + 46 * len(names), across, "")
    drawn["yaxis"] |= {
        "tickvals": list(range(len(names))),
        "ticktext": [escape(name) for name in names],
        "range": [len(names) - 0.5, -0.5],
    }
    return drawn


def _dots(arm: str, index: int, arms: int, measured: Mapping[str, Mapping[str, Measure]]) -> JSON:
    places = {name: place for place, name in enumerate(measured) if arm in measured[name]}
    found = [measured[name][arm] for name in places]
    beside = 0.2 * (index - (arms - 1) / 2)
    return scatter(
        x=[each.value for each in found],
        y=[place + beside for place in places.values()],
        error_x={
            "type": "data",
            "symmetric": False,
            "array": [each.high - each.value for each in found],
            "arrayminus": [each.value - each.low for each in found],
            "thickness": 1.5,
            "width": 3,
            "color": colour(index),
        },
        text=[f"{escape(name)}, n={each.n}" for name, each in zip(places, found, strict=True)],
        hovertemplate="%{text}<br>%{x:.3f}<extra>%{fullData.name}</extra>",
        mode="markers",
        marker={"size": 9, "color": colour(index), "symbol": marker(index)},
    )


def quality_dots(scored: Sequence[Scored], legend: Legend) -> JSON:
    """Every evaluated run: further left the loss is lower, further up the answers are better."""
    words = legend.words
    traces = [
        _runs(arm, [run for run in scored if run.arm == arm], legend)
        for arm in dict.fromkeys(run.arm for run in scored)
    ]
    drawn = layout(360, words("label.val_loss_axis"), words("label.score"))
    return figure(traces, drawn)


def _runs(arm: str, runs: Sequence[Scored], legend: Legend) -> JSON:
    return _named(arm, runs, legend) | {
        "x": [run.loss for run in runs],
        "y": [run.score for run in runs],
    }


def frontier_dots(frontier: Frontier, legend: Legend) -> JSON:
    """Every run's loss and price, and a line along those that nothing cheaper equals."""
    words = legend.words
    arms = dict.fromkeys(run.arm for run in frontier.runs)
    dots = [_priced(arm, [run for run in frontier.runs if run.arm == arm], legend) for arm in arms]
    line = scatter(
        x=[run.price for run in frontier.best],
        y=[run.loss for run in frontier.best],
        name=escape(words("label.frontier")),
        mode="lines",
        line={"color": "#808080", "width": 2, "shape": "hv"},
        hoverinfo="skip",
    )
    drawn = layout(380, words(f"label.{frontier.unit}_axis"), words("label.val_loss_axis"))
    drawn["xaxis"] |= {"type": "log", "dtick": 1} if _is_wide(frontier) else {"type": "log"}
    return figure([line, *dots], drawn)


def _is_wide(frontier: Frontier) -> bool:
    """Over a hundredfold, where only powers of ten have room for a number."""
    prices = [run.price for run in frontier.runs]
    return min(prices) > 0 and max(prices) / min(prices) > 100


def _priced(arm: str, runs: Sequence[Priced], legend: Legend) -> JSON:
    return _named(arm, runs, legend) | {
        "x": [run.price for run in runs],
        "y": [run.loss for run in runs],
    }


def _named(arm: str, runs: Sequence[Priced] | Sequence[Scored], legend: Legend) -> JSON:
    """Dots of one arm; each says its rows and epochs, and leads to its run on a click."""
    words, index = legend.words, legend.number(arm)
    return scatter(
        name=escape(arm),
        text=[
            f"{words.count(run.size, 'row')}, {words.count(run.epochs, 'epoch')}" for run in runs
        ],
        customdata=[run.run for run in runs],
        hovertemplate="%{fullData.name}<br>%{text}<br>(%{x:.4~g}, %{y:.4f})<extra></extra>",
        meta=legend.choices(arm),
        mode="markers",
        marker={"size": 8, "color": colour(index), "symbol": marker(index), "opacity": 0.85},
    )


def seed_dots(spreads: Sequence[Spread], legend: Legend) -> JSON:
    """A line for each setting of several seeds, a dot for each seed, a bar at their mean."""
    words = legend.words
    names = [
        f"{words.count(each.size, 'row')}, {words.count(each.epochs, 'epoch')}, {each.arm}"
        for each in spreads
    ]
    traces = [_seeds(each, line, legend) for line, each in enumerate(spreads)]
    drawn = on_lines(names, words("label.val_loss_axis"))
    drawn["height"] = 90 + 28 * len(names)
    return figure([trace for pair in traces for trace in pair], drawn)


def _seeds(spread: Spread, line: int, legend: Legend) -> list[JSON]:
    index = legend.number(spread.arm)
    look = {"color": colour(index), "symbol": marker(index), "size": 9, "opacity": 0.8}
    dots = scatter(
        x=spread.losses,
        y=[line] * len(spread.losses),
        text=[str(seed) for seed in spread.seeds],
        hovertemplate=legend.words("label.seed_hover", seed="%{text}", loss="%{x:.4f}")
        + "<extra></extra>",
        meta=legend.choices(spread.arm, spread.size),
        mode="markers",
        marker=look,
    )
    mean = {"symbol": "line-ns-open", "size": 18, "color": colour(index), "line": {"width": 2}}
    shown = {"x": [spread.mean], "y": [line], "text": ["x̄"], "marker": mean}
    return [dots, dots | shown]
