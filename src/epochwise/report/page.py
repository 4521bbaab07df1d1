"""A study as one self-contained page that opens offline, for people who never saw the tool."""

import base64
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import plotly.offline
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from epochwise.record import JSON, PlannedRun, Record, Study, finished
from epochwise.report import answers, cost, figure, numbers, table
from epochwise.report.arm import Arm, arms

HERE = Path(__file__).parent


class Badge(NamedTuple):
    """A verdict as a reader meets it; the sign tells it without colour."""

    words: str
    sign: str
    tone: str
    meaning: str


BADGES = {
    "diverged": Badge("diverged", "✕", "bad", "the loss left for infinity or ended above the base"),
    "no_learning": Badge("no learning", "–", "bad", "validation loss hardly left the base model's"),
    "still_improving": Badge("still improving", "↘", "open", "more epochs would still help"),
    "overfit_loss": Badge("overfits", "↗", "warn", "validation loss rose again after its lowest"),
    "overfit_quality": Badge("overfits", "↗", "warn", "answers got worse after their best"),
    "inconclusive": Badge("unclear", "?", "open", "too few validation rows to tell"),
    "healthy": Badge("healthy", "✓", "good", "it learnt, and did not get worse again"),
}
UNJUDGED = Badge("not judged", "·", "open", "no verdict was recorded")


class Line(NamedTuple):
    """One finished run in the table of all runs."""

    row: table.Row
    label: str
    badge: Badge
    verdict: JSON


class Mark(NamedTuple):
    """What the curve of one arm in a panel says."""

    arm: str
    arm_number: int
    badge: Badge
    best_epoch: int


class Panel(NamedTuple):
    """One figure, and what stands above it."""

    title: str
    marks: list[Mark]
    figure: JSON


class Figures(NamedTuple):
    arms: list[str]
    heats: list[Panel]
    colours: figure.ColourRange
    curves: list[Panel]
    scaling: list[Panel]


class Answer(NamedTuple):
    """The finding, and the run it recommends; None where none can be compared."""

    finding: JSON
    record: Record | None


def write(study_folder: Path) -> Path:
    """Leaves results.csv and report.html in the study's folder; returns the report's path."""
    study, records = Study.load(study_folder), finished(study_folder)
    table.write_csv(study_folder / "results.csv", table.results(records))
    path = study_folder / "report.html"
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(_html(study, records, study_folder), encoding="utf-8")
    partial.replace(path)
    return path


def _html(study: Study, records: Sequence[Record], folder: Path) -> str:
    scripts = [plotly.offline.get_plotlyjs(), _text("page.js")]
    answer = _answer(folder, records)
    figures = None if answer is None else _figures(study, records, answer)
    asked = None if answer is None else answers.asked(folder, records, answer.finding["run"])
    return _template().render(
        study=study,
        answer=answer,
        figures=figures,
        drawn=({} if figures is None else _drawn(figures))
        | ({} if asked is None else {"answers-0": figure.answer_dots(asked.measured)}),
        answers=asked,
        quality=() if asked is None else answers.course(folder),
        colours=figure.COLOURS,
        lines=_lines(records),
        missing=_missing(study, records),
        asked=cost.asked(records),
        trained=cost.trained(records, study),
        compared=cost.plan_and_outcome(study),
        folder=_shown(folder),
        policy=_policy(scripts),
        scripts=[Markup(script) for script in scripts],  # plotly's and ours: no data in them
        style=Markup(_text("page.css")),
    )


def _drawn(figures: Figures) -> JSON:
    """The figures under the names by which the page asks for them."""
    kinds = {"heat": figures.heats, "curve": figures.curves, "scaling": figures.scaling}
    return {
        f"{kind}-{index}": panel.figure
        for kind, panels in kinds.items()
        for index, panel in enumerate(panels)
    }


def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters |= {"number": _number, "duration": _duration, "sure": _sure}
    return environment.get_template("page.html.jinja")


def _text(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")


def _policy(scripts: Sequence[str]) -> str:
    """Nothing is loaded from anywhere, and no script runs but the very ones that we wrote."""
    digests = [hashlib.sha256(script.encode()).digest() for script in scripts]
    hashes = " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)
    return (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data:;"
        " base-uri 'none'; form-action 'none'"
    )


def _answer(folder: Path, records: Sequence[Record]) -> Answer | None:
    """None where no run has finished, and so nothing was found."""
    if not records:
        return None
    finding = json.loads((folder / "finding.json").read_text(encoding="utf-8"))
    chosen = next((record for record in records if record.id == finding["run"]), None)
    return Answer(finding, chosen)


def _figures(study: Study, records: Sequence[Record], answer: Answer) -> Figures:
    groups = arms(records)
    labels = [arm.label for arm in groups]
    chosen, equals = answer.finding["run"], answer.finding["equals"]
    heats = [numbers.heat(arm, groups, chosen, equals) for arm in groups]
    colours = figure.colour_range(heats)
    return Figures(
        labels,
        [Panel(heat.arm, [], figure.heat_map(heat, colours)) for heat in heats]
        if _is_grid(heats[0])
        else [],
        colours,
        _curve_panels(numbers.curves(groups, study), labels, records),
        _scaling_panels(groups, labels),
    )


def _is_grid(heat: numbers.Heat) -> bool:
    """One cell, or one for each arm, is said better by the table."""
    return len(heat.sizes) * len(heat.epochs) > 1


def _curve_panels(
    curves: Sequence[numbers.Curve], labels: Sequence[str], records: Sequence[Record]
) -> list[Panel]:
    frame = figure.frame(curves)
    verdicts = {record.id: _badge(record) for record in records}
    return [
        Panel(
            f"{size:,} training rows",
            [
                Mark(curve.arm, labels.index(curve.arm), verdicts[curve.runs[0]], curve.best_epoch)
                for curve in curves
                if curve.size == size
            ],
            figure.curve_panel([curve for curve in curves if curve.size == size], labels, frame),
        )
        for size in sorted({curve.size for curve in curves})
    ]


def _scaling_panels(groups: Sequence[Arm], labels: Sequence[str]) -> list[Panel]:
    lines = [numbers.scaling(arm) for arm in groups]
    if max(len(line.sizes) for line in lines) < 2:
        return []
    return [Panel("", [], figure.scaling_lines(lines, labels))]


def _lines(records: Sequence[Record]) -> list[Line]:
    return [
        Line(row, record.label, _badge(record), record.verdict or {"flags": [], "reasons": []})
        for record, row in zip(records, table.results(records), strict=True)
    ]


def _badge(record: Record) -> Badge:
    return BADGES[record.verdict["verdict"]] if record.verdict else UNJUDGED


def _missing(study: Study, records: Sequence[Record]) -> list[PlannedRun]:
    done = {record.id for record in records}
    return [run for run in study.runs if run.id not in done]


def _shown(folder: Path) -> str:
    """The folder as one types it where the report was made; elsewhere only its name holds."""
    path = folder.resolve()
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else path.name


def _number(value: int | float | None, digits: int = 4) -> str:
    """Digits grouped by thousands; what is not finite says so.

    >>> _number(12345, 0), _number(1.23456), _number(None)
    ('12,345', '1.2346', '–')
    """
    return "–" if value is None else f"{value:,.{digits}f}"


def _sure(probability: int | float) -> str:
    """Never quite certain, for the probability itself is estimated.

    >>> _sure(0.94), _sure(1.0)
    ('94 %', 'over 99 %')
    """
    return "over 99 %" if probability > 0.99 else f"{probability:.0%}".replace("%", " %")


def _duration(seconds: int | float) -> str:
    """Two units are enough.

    >>> _duration(5.25), _duration(125), _duration(7300)
    ('5.2 s', '2 min 5 s', '2 h 1 min')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
