"""A study as one self-contained page that opens offline, for people who never saw the tool."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from epochwise.record import JSON, PlannedRun, Record, Study, finished, flat, read_json, run_folder
from epochwise.report import answers, cost, document, table
from epochwise.report.badge import Badge, badge
from epochwise.report.chart import Charts, Told, charts
from epochwise.report.fairness import fairness
from epochwise.report.language import Words, words
from epochwise.report.numbers.models import NAME, Compared, compared
from epochwise.report.numbers.models import sheet as model_sheet
from epochwise.report.picture import svg
from epochwise.report.reasons import Reasons, reasons
from epochwise.report.said import cell, said, unit
from epochwise.report.samples import samples

LEAD = 5  # sentences of the finding that are seen at once


class Line(NamedTuple):
    """One finished run in the table of all runs."""

    row: table.Row
    label: str
    badge: Badge
    reasons: Reasons
    choices: list[int]


class Answer(NamedTuple):
    """The finding, and the run it recommends; None where none can be compared."""

    finding: JSON
    record: Record | None


class Origin(NamedTuple):
    """Content hashes of what a run was made from."""

    data: str
    model: str
    code: str


def write(study_folder: Path, language: str = "en") -> Path:
    """Leaves results.csv, figures/ and report.html in the study's folder; the report's path."""
    study, records, found = Study.load(study_folder), finished(study_folder), words(language)
    table.write_csv(study_folder / "results.csv", table.results(records))
    told = _told(study, records, _finding(study_folder), study_folder, found) if records else None
    drawn = None if told is None else charts(told, found)
    if drawn is not None:
        leave_pictures(drawn, study_folder / "figures")
    if told is not None and told.compared is not None:
        model_sheet(told.compared).save(study_folder / "base_models.csv")
    page = _html(study, records, (told, drawn), study_folder, found)
    return document.publish(study_folder / "report.html", page)


def html(study_folder: Path, finding: JSON, language: str) -> str:
    """The page of a study of which some run has finished; nothing is left in its folder."""
    study, records, found = Study.load(study_folder), finished(study_folder), words(language)
    told = _told(study, records, finding, study_folder, found)
    return _html(study, records, (told, charts(told, found)), study_folder, found)


def drawn_from(study_folder: Path, words: Words) -> Charts | None:
    """The figures of a study's folder; None where no run has finished."""
    study, records = Study.load(study_folder), finished(study_folder)
    if not records:
        return None
    return charts(_told(study, records, _finding(study_folder), study_folder, words), words)


def _finding(study_folder: Path) -> JSON:
    found: JSON = read_json(study_folder / "finding.json")
    return found


def _told(study: Study, records: list[Record], finding: JSON, folder: Path, words: Words) -> Told:
    asked = answers.asked(folder, records, finding["run"], words)
    price = study.report.get("price_per_hour")
    return Told(study, records, finding, folder, asked, compared(folder, records, finding, price))


def leave_pictures(drawn: Charts, folder: Path) -> None:
    """Every figure as NAME.svg beside its numbers, NAME.csv; those of before are replaced."""
    folder.mkdir(exist_ok=True)
    for chart in drawn.every:
        chart.sheet.save(folder / f"{chart.name}.csv")
        svg.save(chart.figure, chart.title, folder / f"{chart.name}.svg")


def _html(
    study: Study,
    records: Sequence[Record],
    drawn: tuple[Told | None, Charts | None],
    folder: Path,
    words: Words,
) -> str:
    told, found = drawn
    figures = {} if found is None else {chart.name: chart.figure for chart in found.every}
    values = {
        "study": study,
        "answer": None if told is None else _answer(told),
        "said": None if told is None else said(told.finding, words),
        "unit": None if told is None else unit(told.finding, words),
        "lead": LEAD,
        "charts": found,
        "answers": None if told is None else told.asked,
        "samples": None if told is None else samples(folder, records, told.finding["run"]),
        "quality": () if told is None or told.asked is None else answers.course(folder, words),
        "models": None if told is None else told.compared,
        "best_of": {} if told is None else _best_of(told.compared, words),
        "fair": fairness(told.compared, words) if told and told.compared else (),
        "lines": [] if found is None else _lines(records, found, words),
        "missing": _missing(study, records),
        "asked": cost.asked(records),
        "trained": cost.trained(records, study),
        "compared": cost.plan_and_outcome(study),
        "origin": origin_of(run_folder(folder, records[0].id)) if records else None,
        "folder": shown(folder),
    }
    return document.html("study", figures, words, values)


def _best_of(found: Compared | None, words: Words) -> dict[str, str]:
    """Model -> the setting of its lowest loss."""
    models = () if found is None else found.models
    settings = {model.name: model.cell.settings for model in models}
    return {
        name: cell({key: value for key, value in own.items() if key != NAME}, words)
        for name, own in settings.items()
    }


def _answer(told: Told) -> Answer:
    chosen = (record for record in told.records if record.id == told.finding["run"])
    return Answer(told.finding, next(chosen, None))


def _lines(records: Sequence[Record], drawn: Charts, words: Words) -> list[Line]:
    return [
        Line(
            row,
            record.label,
            badge(record.verdict, words),
            reasons(record, words),
            drawn.legend.of(flat(record.settings)),
        )
        for record, row in zip(records, table.results(records), strict=True)
    ]


def _missing(study: Study, records: Sequence[Record]) -> list[PlannedRun]:
    done = {record.id for record in records}
    return [run for run in study.runs if run.id not in done]


def origin_of(run: Path) -> Origin | None:
    """None where the run kept no provenance."""
    if not (run / "provenance.json").is_file():
        return None
    kept = read_json(run / "provenance.json")
    return Origin(*(str(kept[part].get("digest", "–")) for part in Origin._fields))


def shown(folder: Path) -> str:
    """The folder as one types it where the report was made; elsewhere only its name holds."""
    path = folder.resolve()
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else path.name
