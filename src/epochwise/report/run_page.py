"""One run as a page of its own."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from epochwise.quality import ANSWERS, QUALITY, Quality
from epochwise.record import JSON, Record, Study, flat, read_json
from epochwise.report import document, table
from epochwise.report.answers import Asked, asked_of
from epochwise.report.arm import arms
from epochwise.report.badge import badge
from epochwise.report.chart import Chart, answer_chart, curve_charts, gap_charts
from epochwise.report.language import Words, words
from epochwise.report.legend import Legend, legend
from epochwise.report.numbers.curve import curve
from epochwise.report.page import origin_of, shown
from epochwise.report.reasons import reasons
from epochwise.report.samples import samples_of

HARDWARE = ("processor", "cores", "gpu")


def write(run_folder: Path, language: str = "en") -> Path:
    """Leaves report.html in the folder of a finished run; returns its path."""
    record, found = _record(run_folder), words(language)
    shown_by = legend(arms([record], found), found)
    asked = _asked(run_folder, record, found)
    drawn = charts(record, shown_by, asked)
    figures = {chart.name: chart.figure for part in drawn.values() for chart in part}
    values: JSON = {
        "record": record,
        "row": table.results([record])[0],
        "badge": badge(record.verdict, found),
        "told": reasons(record, found),
        "charts": drawn,
        "answers": asked,
        "samples": samples_of(run_folder, record) if (run_folder / ANSWERS).is_file() else None,
        "settings": flat(record.settings),
        "origin": origin_of(run_folder),
        "made_on": _made_on(run_folder),
        "folder": shown(run_folder),
    }
    page = document.html("run", figures, found, values)
    return document.publish(run_folder / "report.html", page)


def _record(run_folder: Path) -> Record:
    """Under the name that its study has for it, where it lies in one."""
    record, study = Record.load(run_folder / "record.json"), run_folder.resolve().parents[1]
    planned = Study.load(study).runs if (study / "study.json").is_file() else ()
    named = (run.label for run in planned if run.id == record.id)
    return replace(record, label=next(named, record.label))


def charts(record: Record, legend: Legend, asked: Asked | None) -> dict[str, list[Chart]]:
    (arm,) = legend.arms
    drawn = [curve(arm.label, record.settings["data"]["size"], [record])]
    return {
        "curves": curve_charts(drawn, [record], legend),
        "gaps": gap_charts(drawn, legend),
        "answers": [] if asked is None else [answer_chart(asked, legend.words)],
    }


def _asked(run_folder: Path, record: Record, words: Words) -> Asked | None:
    if not (run_folder / QUALITY).is_file():
        return None
    return asked_of(Quality.load(run_folder), record.label, words)


def _made_on(run_folder: Path) -> dict[str, Any]:
    """Machine and library versions; nothing where they were not kept."""
    path = run_folder / "provenance.json"
    if not path.is_file():
        return {}
    kept = read_json(path)
    machine = {name: kept["hardware"].get(name) for name in HARDWARE}
    packages = ("python", "torch", "transformers", "peft", "lightning")
    versions = {name: kept["packages"].get(name) for name in packages}
    told = machine | versions
    return {name: value for name, value in told.items() if value is not None}
