"""The figures of a study, each with its numbers and with words for those who cannot see it."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from epochwise.record import JSON, Record, Study
from epochwise.report.answers import Asked
from epochwise.report.answers import sheet as answer_sheet
from epochwise.report.arm import Arm, arms
from epochwise.report.badge import Badge, badges
from epochwise.report.figure import curve as draw_curve
from epochwise.report.figure import dots, heat, scaling
from epochwise.report.figure.models import model_dots
from epochwise.report.language import Words
from epochwise.report.legend import Legend, legend
from epochwise.report.numbers import curve, frontier, models, optimum, quality, seeds
from epochwise.report.numbers import heat as surface
from epochwise.report.numbers import scaling as rows
from epochwise.report.numbers.sheet import Sheet


class Mark(NamedTuple):
    """What the curve of one arm in a panel says."""

    arm: str
    arm_number: int
    badge: Badge
    best_epoch: int
    choices: list[int]


class Chart(NamedTuple):
    name: str
    """Of its files: figures/NAME.svg and figures/NAME.csv."""
    title: str
    about: str
    """What it shows, in a sentence."""
    sheet: Sheet
    figure: JSON
    marks: tuple[Mark, ...] = ()
    choices: tuple[int, ...] = ()
    """The numbers of the buttons that all have to be on for it to be seen."""


class Charts(NamedTuple):
    """The figures of a study by what they tell; a list is empty where there is nothing to tell."""

    legend: Legend
    colours: heat.ColourRange
    heats: list[Chart]
    curves: list[Chart]
    gaps: list[Chart]
    scaling: list[Chart]
    optimum: list[Chart]
    seeds: list[Chart]
    frontier: list[Chart]
    quality: list[Chart]
    answers: list[Chart]
    models: list[Chart]

    @property
    def parts(self) -> dict[str, list[Chart]]:
        """Those that have figures, under the names of the fields."""
        fields = {name: value for name, value in self._asdict().items() if isinstance(value, list)}
        return {name: charts for name, charts in fields.items() if charts}

    @property
    def every(self) -> list[Chart]:
        return [chart for charts in self.parts.values() for chart in charts]


class Told(NamedTuple):
    """What a study's figures are made from."""

    study: Study
    records: list[Record]
    finding: JSON
    folder: Path
    asked: Asked | None
    compared: models.Compared | None
    """None where there is one base model alone."""


def charts(told: Told, words: Words) -> Charts:
    """All figures; there has to be a finished run."""
    groups = arms(told.records, words)
    shown = legend(groups, words)
    heats = [
        surface.heat(arm, groups, told.finding["run"], told.finding["equals"]) for arm in groups
    ]
    colours = heat.colour_range(heats)
    drawn = curve.curves(groups, told.study)
    lines = [rows.scaling(arm) for arm in groups]
    return Charts(
        legend=shown,
        colours=colours,
        heats=_heats(heats, colours, shown),
        curves=curve_charts(drawn, told.records, shown),
        gaps=gap_charts(drawn, shown),
        scaling=_scaling(lines, rows.law(told.finding), shown),
        optimum=_optimum(lines, optimum.optima(told.finding), shown),
        seeds=_seeds(seeds.spreads(groups), shown),
        frontier=_frontier(groups, shown),
        quality=_quality(quality.scored(told.folder, groups), shown),
        answers=[] if told.asked is None else [answer_chart(told.asked, words)],
        models=_models(told.compared, shown),
    )


def _heats(heats: Sequence[surface.Heat], colours: heat.ColourRange, legend: Legend) -> list[Chart]:
    if len(heats[0].sizes) * len(heats[0].epochs) == 1:
        return []  # one cell, or one for each arm, is said better by the table
    return [
        Chart(
            f"heat-{index}",
            each.arm,
            legend.words("about.heat", arm=each.arm, lowest=_lowest(each, legend.words)),
            surface.sheet(each),
            heat.heat_map(each, colours, legend.words),
            choices=tuple(legend.choices(each.arm)),
        )
        for index, each in enumerate(heats)
    ]


def _lowest(heat: surface.Heat, words: Words) -> str:
    cells = [
        (loss, size, epochs)
        for size, losses in zip(heat.sizes, heat.loss, strict=True)
        for epochs, loss in zip(heat.epochs, losses, strict=True)
        if loss is not None and math.isfinite(loss)
    ]
    if not cells:
        return "–"
    loss, size, epochs = min(cells)
    return f"{loss:.3f} ({words.count(size, 'row')}, {words.count(epochs, 'epoch')})"


def curve_charts(
    curves: Sequence[curve.Curve], records: list[Record], legend: Legend
) -> list[Chart]:
    """A panel for each number of rows."""
    frame = draw_curve.frame(curves)
    verdicts = badges(records, legend.words)
    charts = []
    for index, (size, panel) in enumerate(_by_size(curves)):
        marks = tuple(
            Mark(
                each.arm,
                legend.number(each.arm),
                verdicts[each.runs[0]],
                each.best_epoch,
                legend.choices(each.arm, each.size),
            )
            for each in panel
        )
        charts.append(
            Chart(
                f"curve-{index}",
                legend.words.count(size, "training_row"),
                legend.words("about.curve", marks=_marked(marks, legend.words)),
                curve.sheet(panel),
                draw_curve.curve_panel(panel, legend, frame),
                marks,
                tuple(legend.choices(size=size)),
            )
        )
    return charts


def _marked(marks: Sequence[Mark], words: Words) -> str:
    return "; ".join(
        words("about.mark", arm=mark.arm, epoch=mark.best_epoch, verdict=mark.badge.words)
        for mark in marks
    )


def gap_charts(curves: Sequence[curve.Curve], legend: Legend) -> list[Chart]:
    frame = draw_curve.frame(curves)
    return [
        Chart(
            f"gap-{index}",
            legend.words.count(size, "training_row"),
            legend.words("about.gap", widest=f"{_widest(panel):.3f}"),
            curve.sheet(panel),
            draw_curve.gap_panel(panel, legend, frame),
            choices=tuple(legend.choices(size=size)),
        )
        for index, (size, panel) in enumerate(_by_size(curves))
    ]


def _widest(curves: Sequence[curve.Curve]) -> float:
    return max((x for each in curves for x in each.gap if math.isfinite(x)), default=math.nan)


def _by_size(curves: Sequence[curve.Curve]) -> list[tuple[int, list[curve.Curve]]]:
    sizes = sorted({each.size for each in curves})
    return [(size, [each for each in curves if each.size == size]) for size in sizes]


def _scaling(lines: Sequence[rows.Scaling], law: rows.Law | None, legend: Legend) -> list[Chart]:
    if max(len(line.sizes) for line in lines) < 2:
        return []
    lowest = min(loss for line in lines for loss in line.loss)
    return [
        Chart(
            "scaling",
            legend.words("scaling.title"),
            legend.words("about.scaling", loss=f"{lowest:.3f}"),
            rows.sheet(lines, law),
            scaling.scaling_lines(lines, law, legend),
        )
    ]


def _optimum(
    lines: Sequence[rows.Scaling], optima: optimum.Optima | None, legend: Legend
) -> list[Chart]:
    lengths = {count for line in lines for count in line.epochs}
    if max(len(line.sizes) for line in lines) < 2 or (len(lengths) == 1 and optima is None):
        return []
    return [
        Chart(
            "optimum",
            legend.words("optimum.title"),
            legend.words("about.optimum"),
            optimum.sheet(lines, optima),
            scaling.optimum_lines(lines, optima, legend),
        )
    ]


def _seeds(spreads: Sequence[seeds.Spread], legend: Legend) -> list[Chart]:
    if not spreads:
        return []
    widest = max(max(each.losses) - min(each.losses) for each in spreads)
    return [
        Chart(
            "seeds",
            legend.words("seeds.title"),
            legend.words("about.seeds", count=len(spreads), widest=f"{widest:.4f}"),
            seeds.sheet(spreads),
            dots.seed_dots(spreads, legend),
        )
    ]


def _frontier(groups: Sequence[Arm], legend: Legend) -> list[Chart]:
    found = frontier.frontier(groups)
    if len(found.runs) < 3:
        return []
    about = legend.words("about.frontier", count=len(found.best), runs=len(found.runs))
    drawn = dots.frontier_dots(found, legend)
    return [Chart("frontier", legend.words("frontier.title"), about, frontier.sheet(found), drawn)]


def _quality(scored: Sequence[quality.Scored], legend: Legend) -> list[Chart]:
    if len(scored) < 2:
        return []
    about = legend.words("about.quality", count=len(scored))
    drawn = dots.quality_dots(scored, legend)
    return [Chart("quality", legend.words("quality.title"), about, quality.sheet(scored), drawn)]


def _models(found: models.Compared | None, legend: Legend) -> list[Chart]:
    if found is None or not found.kinds:
        return []
    about = legend.words("about.models", models=", ".join(each.name for each in found.models))
    drawn = model_dots(found, legend)
    return [Chart("models", legend.words("models.kinds"), about, models.kind_sheet(found), drawn)]


def answer_chart(asked: Asked, words: Words) -> Chart:
    about = words("about.answers", run=asked.label)
    return Chart(
        "answers",
        words("answers.title"),
        about,
        answer_sheet(asked),
        dots.answer_dots(asked.measured, words),
    )
