"""Quality by kind of question, of base models fine-tuned and as they were."""

from html import escape

from epochwise.quality import BASE, METRIC, RUN
from epochwise.record import JSON
from epochwise.report.figure.dots import on_lines
from epochwise.report.figure.style import colour, figure, marker, scatter
from epochwise.report.legend import Legend
from epochwise.report.numbers.models import NAME, Compared, Model

APART = 0.14  # of the room of a kind, between two signs


def model_dots(found: Compared, legend: Legend) -> JSON:
    """A line for each kind, a sign with its interval for each model, hollow where untuned."""
    asked = [model for model in found.models if model.quality is not None]
    signs = [(model, arm) for model in asked for arm in (RUN, BASE)]
    traces = [
        _signs(
            model, arm, APART * (place - (len(signs) - 1) / 2) * _room(len(signs)), found, legend
        )
        for place, (model, arm) in enumerate(signs)
    ]
    drawn = on_lines([legend.words.kind(kind) for kind in found.kinds], legend.words("label.score"))
    drawn["height"] = 130 + (14 * len(signs) + 18) * len(found.kinds)
    drawn["xaxis"]["range"] = [-0.03, 1.03]
    drawn |= {"showlegend": True, "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom"}}
    return figure(traces, drawn)


def _room(signs: int) -> float:
    """So that all signs of a kind stay on its side of the next."""
    return min(1.0, 0.8 / (APART * max(1, signs - 1)))


def _signs(model: Model, arm: str, beside: float, found: Compared, legend: Legend) -> JSON:
    index = found.models.index(model)
    measured = {
        place: each
        for place, kind in enumerate(found.kinds)
        if (each := model.measured(arm, METRIC, kind)) is not None
    }
    untuned = arm == BASE
    name = legend.words("models.untuned_of", model=model.name) if untuned else model.name
    return scatter(
        x=[each.value for each in measured.values()],
        y=[place + beside for place in measured],
        error_x={
            "type": "data",
            "symmetric": False,
            "array": [each.high - each.value for each in measured.values()],
            "arrayminus": [each.value - each.low for each in measured.values()],
            "thickness": 1.5,
            "width": 3,
            "color": colour(index),
        },
        name=escape(name),
        text=[
            f"{escape(legend.words.kind(found.kinds[place]))}, n={each.n}"
            for place, each in measured.items()
        ],
        hovertemplate="%{text}<br>%{x:.3f}<extra>%{fullData.name}</extra>",
        meta=legend.of({NAME: model.name}),
        mode="markers",
        marker={
            "size": 9,
            "color": colour(index),
            "symbol": f"{marker(index)}-open" if untuned else marker(index),
        },
    )
