import csv
import math
from pathlib import Path

from report import simulate

from epochwise.record import Point, Record
from epochwise.report.arm import arms
from epochwise.report.language import words
from epochwise.report.table import COLUMNS, results, write_csv

CURVE = (Point(0, 3.0, 3.1), Point(1, 1.5, 1.25), Point(2, 1.75, 0.5))


def test_a_row_has_the_losses_of_the_last_epoch_and_their_difference() -> None:
    record = simulate.changed(simulate.record(32, 2, 8, seed=5), curve=CURVE)
    row = results([simulate.changed(record, verdict=simulate.judged(CURVE))])[0]
    assert row == {
        "id": record.id,
        "model": "world_1m",
        "method": "lora",
        "size": 32,
        "epochs": 2,
        "rank": 8,
        "seed": 5,
        "learning_rate": 4e-4,
        "best_epoch": 1,
        "val_loss": 1.75,
        "probe_loss": 0.5,
        "base_loss": 3.0,
        "gap": 1.25,
        "verdict": "overfit_loss",
        "confidence": 0.97,
        "tokens": 2880,
        "seconds": 2880 / 9000 + 0.8,
        "peak_memory": 0.61,
    }
    assert tuple(row) == COLUMNS


def test_a_run_that_was_not_judged_has_no_verdict_and_no_best_epoch() -> None:
    row = results([simulate.changed(simulate.record(32, 2, 8), verdict=None)])[0]
    assert (row["verdict"], row["best_epoch"], row["confidence"]) == (None, None, None)


def test_the_file_keeps_every_digit(tmp_path: Path) -> None:
    rows = results(simulate.grid())
    write_csv(tmp_path / "results.csv", rows)
    with (tmp_path / "results.csv").open(newline="") as file:
        back = list(csv.DictReader(file))
    assert list(back[0]) == list(COLUMNS)
    assert [float(line["val_loss"]) for line in back] == [row["val_loss"] for row in rows]
    assert list(tmp_path.iterdir()) == [tmp_path / "results.csv"]


def test_a_loss_that_is_not_a_number_stays_one(tmp_path: Path) -> None:
    curve = (CURVE[0], Point(1, math.nan, math.nan))
    write_csv(
        tmp_path / "results.csv",
        results([simulate.changed(simulate.record(32, 1, 2), curve=curve)]),
    )
    with (tmp_path / "results.csv").open(newline="") as file:
        assert math.isnan(float(next(csv.DictReader(file))["val_loss"]))


def test_no_name_becomes_a_formula_and_no_number_becomes_text(tmp_path: Path) -> None:
    row = results([simulate.record(32, 1, 2)])[0]
    write_csv(tmp_path / "results.csv", [row | {"model": "=cmd()", "gap": -0.5}])
    with (tmp_path / "results.csv").open(newline="") as file:
        back = next(csv.DictReader(file))
    assert (back["model"], back["gap"]) == ("'=cmd()", "-0.5")


def of_mixture(one: float, other: float) -> Record:
    record = simulate.record(32, 2, 8)
    sources = {name: {"path": name, "weight": w} for name, w in (("one", one), ("other", other))}
    settings = record.settings | {"data": record.settings["data"] | {"sources": sources}}
    return simulate.changed(record, id=f"{one}-{other}", settings=settings)


def test_settings_that_differ_and_have_no_column_get_one() -> None:
    rows = results([of_mixture(1.0, 1.0), of_mixture(1.0, 2.0)])
    assert [row["data.sources.other.weight"] for row in rows] == [1.0, 2.0]
    assert "data.sources.one.weight" not in rows[0]
    assert list(rows[0])[: len(COLUMNS)] == list(COLUMNS)
    assert list(results([simulate.record(32, 2, 8), simulate.record(8, 1, 2)])[0]) == list(COLUMNS)


def test_arms_of_a_mixture_are_told_apart_by_source() -> None:
    records = [of_mixture(1.0, 2.0), of_mixture(2.0, 1.0), of_mixture(1.0, 1.0)]
    labels = [arm.label for arm in arms(records, words("en"))]
    assert labels[0] == "one: weight 1.0 · other: weight 2.0"
    assert len(set(labels)) == 3
