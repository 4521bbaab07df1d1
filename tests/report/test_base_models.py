"""Base models side by side: the table, its figure, and what makes the comparison fair."""

import csv
import math
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from report import simulate
from report.test_page import read

from epochwise.diagnose.finding import study_finding
from epochwise.loaded import load
from epochwise.quality import Measure, Quality, leave
from epochwise.record import Point, Record, RowLosses, Study, finished, run_folder, write_json
from epochwise.report.fairness import fairness
from epochwise.report.language import words
from epochwise.report.numbers.models import Compared, compared, sheet
from epochwise.report.page import write

EN = words("en")


def of_model(name: str, record: Record, better: float, **model: Any) -> Record:
    """The same run of another base model, whose losses are lower by `better`."""
    settings = record.settings | {"model": record.settings["model"] | {"name": name} | model}
    curve = tuple(Point(p.epoch, p.val - better, p.probe - better) for p in record.curve)
    label = record.label.replace("world_1m", name)
    changes = {"id": f"{name}-{record.id}", "label": label, "settings": settings, "curve": curve}
    return simulate.changed(record, **changes)


def grid(small: int = 3) -> list[Record]:
    """Two models; with `small` of the first, and the three cells of the second."""
    cells = [simulate.record(128, epochs, 8) for epochs in (1, 2, 4)]
    own = [of_model("small", record, 0.0) for record in cells[:small]]
    return [*own, *(of_model("large", record, 0.4) for record in cells)]


def quality(run: float, base: float, digest: str = "d") -> Quality:
    def arm(share: float) -> dict[str, dict[str, Measure]]:
        def measure(value: float) -> Measure:
            return Measure(value, value - 0.1, value + 0.1, 40)

        kinds = {"trained": measure(share), "open_book": measure(share / 2)}
        of_kinds = {kind: {"exact": found, "f1": found} for kind, found in kinds.items()}
        return of_kinds | {"all": {"f1": measure(share), "bits_per_byte": measure(2 - share)}}

    return Quality(digest, {"run": arm(run), "base": arm(base)}, (), (), ())


def left(folder: Path, records: list[Record]) -> Path:
    return simulate.leave(folder, records, finding=study_finding)


def found(folder: Path, price: float | None = None) -> Compared:
    result = compared(folder, finished(folder), asdict(load(folder).finding), price)
    assert result is not None
    return result


@pytest.fixture
def study(tmp_path: Path) -> Path:
    return left(tmp_path, grid())


def test_each_model_is_shown_at_its_lowest_loss_and_as_it_was(study: Path) -> None:
    small, large = found(study).models
    best = min(grid()[:3], key=lambda record: record.curve[-1].val)
    assert (small.name, small.run) == ("small", best.id)
    assert small.tuned.value == pytest.approx(best.curve[-1].val)
    assert small.untuned.value == pytest.approx(simulate.BASE)
    assert large.untuned.value == pytest.approx(simulate.BASE - 0.4)
    for loss in (small.tuned, small.untuned, large.tuned, large.untuned):
        assert loss.low is not None
        assert loss.high is not None
        assert loss.low <= loss.value <= loss.high


def test_speed_time_and_cost_are_those_of_the_run_that_is_shown(study: Path) -> None:
    small, _ = found(study, price=7.2).models
    (record,) = (each for each in grid() if each.id == small.run)
    summary = record.summary
    assert small.tokens_per_second == pytest.approx(summary.tokens / summary.seconds)
    assert small.cost == pytest.approx(summary.seconds * 0.002)
    assert found(study).models[0].cost is None


def test_a_study_of_one_model_compares_none(tmp_path: Path) -> None:
    folder = left(tmp_path, simulate.grid()[:3])
    assert compared(folder, finished(folder), {"unit": "", "standings": []}, None) is None
    page = read(write(folder))
    assert "Which base model?" not in page.text
    assert not (folder / "base_models.csv").exists()


def test_losses_are_per_answer_where_tokenizers_differ(tmp_path: Path) -> None:
    records = grid()
    folder = left(tmp_path, records)
    for record in records[3:]:
        path = run_folder(folder, record.id) / "rows.npz"
        rows = RowLosses.load(path)
        replace(rows, val_tokens=rows.val_tokens * 2).save(path)
    compared = found(folder)
    rows = RowLosses.load(run_folder(folder, compared.models[1].run) / "rows.npz")
    assert compared.unit == "nats per answer"
    assert compared.models[1].untuned.value == pytest.approx(rows.val[0].mean())
    assert compared.models[1].tuned.value == pytest.approx(rows.val[-1].mean())
    assert EN("models.tokenizers") in fairness(compared, EN)
    write_json(folder / "finding.json", asdict(load(folder).finding))
    assert "Loss: nats per answer" in read(write(folder)).text


def test_what_was_held_equal_is_said_and_what_was_not(study: Path) -> None:
    equal, *others = fairness(found(study), EN)
    assert "rows 128" in equal
    assert "rank 8" in equal
    assert "learning rate 0.0004" in equal
    assert others == [EN("models.unasked")]


def test_what_differs_is_named_for_each_model(tmp_path: Path) -> None:
    cells = [simulate.record(128, epochs, 8) for epochs in (1, 2)]
    records = [of_model("small", cells[0], 0.0), of_model("large", cells[1], 0.4, weights="nf4")]
    equal, differ, fewer, *_ = fairness(found(left(tmp_path, records)), EN)
    assert "epochs" not in equal
    assert "epochs (small 1, large 2)" in differ
    assert "weights (small fp32, large nf4)" in differ
    assert fewer == EN("models.fewer", all=2, models="small 1, large 1")


def test_a_model_with_fewer_settings_is_named(tmp_path: Path) -> None:
    told = fairness(found(left(tmp_path, grid(small=1))), EN)
    assert EN("models.fewer", all=3, models="small 1") in told


def test_seeds_are_those_of_all_runs_of_the_setting(tmp_path: Path) -> None:
    seeds = [simulate.record(128, 2, 8, seed) for seed in (0, 1)]
    records = [of_model(name, each, 0.0) for name in ("small", "large") for each in seeds]
    assert "seed 0, 1" in fairness(found(left(tmp_path, records)), EN)[0]


def test_marks_of_other_questions_are_not_compared(study: Path) -> None:
    compared = found(study)
    for model, digest in zip(compared.models, "ab", strict=True):
        leave(run_folder(study, model.run), quality(0.5, 0.2, digest), [])
    assert EN("models.exams") in fairness(found(study), EN)


def test_the_page_the_figure_and_the_files_say_the_same(study: Path) -> None:
    marks = {"small": (0.5, 0.2), "large": (0.7, 0.3)}
    for model in found(study).models:
        home = run_folder(study, model.run)
        leave(home, quality(*marks[model.name]), [])
    write_json(home / "provenance.json", _provenance("apache-2.0"))
    page = read(write(study))
    assert "Which base model?" in page.text
    assert "apache-2.0" in page.text
    assert "not known" in page.text
    lines = list(csv.DictReader((study / "base_models.csv").open(encoding="utf-8")))
    assert [(line["model"], line["arm"], line["f1"]) for line in lines] == [
        *(("small", "run", "0.5"), ("small", "base", "0.2")),
        *(("large", "run", "0.7"), ("large", "base", "0.3")),
    ]
    figure = load(study).figure("models")
    assert [trace.name for trace in figure.data] == [
        *("small", "small, untuned", "large", "large, untuned"),
    ]
    assert figure.layout.showlegend
    assert list(figure.data[2].x) == [0.7, 0.35]
    assert list(figure.layout.yaxis.ticktext) == ["trained", "open book"]
    assert (study / "figures" / "models.svg").is_file()
    numbers = load(study).numbers("models")
    assert set(numbers["kind"]) == {"trained", "open_book"}


def _provenance(license: str) -> dict[str, Any]:
    parts = {part: {"digest": "0"} for part in ("data", "model", "code")}
    return parts | {"license": license}


def test_the_price_of_an_hour_comes_from_the_study(study: Path) -> None:
    assert "Cost of a run" not in read(write(study)).text
    replace(Study.load(study), report={"price_per_hour": 2.0}).save(study)
    assert "Cost of a run" in read(write(study)).text


def test_signs_of_one_kind_never_reach_the_next(study: Path) -> None:
    for model in found(study).models:
        leave(run_folder(study, model.run), quality(0.5, 0.2), [])
    write(study)
    for trace in load(study).figure("models").data:
        assert [math.floor(y + 0.5) for y in trace.y] == [0, 1]


def test_a_model_that_diverged_has_no_loss_and_no_interval(tmp_path: Path) -> None:
    records = grid()
    lost = (Point(0, 3.0, 3.0), Point(1, math.nan, math.nan))
    records[3:] = [simulate.changed(record, curve=lost) for record in records[3:]]
    large = found(left(tmp_path, records)).models[1]
    assert math.isnan(large.tuned.value)
    assert large.tuned.low is None
    assert sheet(found(tmp_path)).rows[2][0] == "large"
