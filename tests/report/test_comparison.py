"""Runs and studies side by side."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from report import simulate
from report.test_base_models import quality
from report.test_page import ATTACK, read

from epochwise.cli import main
from epochwise.quality import leave
from epochwise.record import Record, RowLosses, run_folder, write_json
from epochwise.report.comparison.comparison import comparison
from epochwise.report.comparison.page import write


def study(folder: Path, records: list[Record]) -> Path:
    folder.mkdir()
    return simulate.leave(folder, records)


def lone(folder: Path, record: Record) -> Path:
    """The folder of a run in a study of its own."""
    return run_folder(study(folder, [record]), record.id)


def shifted(record: Record, by: float) -> Record:
    curve = tuple(point._replace(val=point.val + by) for point in record.curve)
    return simulate.changed(record, curve=curve)


def test_a_run_equals_itself_and_ends_with_0(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = lone(tmp_path / "a", simulate.record(32, 4, 2))
    assert main(["compare", str(run), str(run)]) == 0
    told = capsys.readouterr().out
    assert "All settings are the same." in told
    assert "No difference." in told


def test_settings_that_differ_are_told_and_end_with_3(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a = lone(tmp_path / "a", simulate.record(32, 4, 2))
    b = lone(tmp_path / "b", simulate.record(32, 8, 2))
    assert main(["compare", str(a), str(b), "--json"]) == 3
    told = json.loads(capsys.readouterr().out)
    assert told["settings"] == {"train.epochs": [4, 8]}
    assert told["results"]["epochs"] == [4, 8]
    assert told["results"]["verdict"][1] == "overfit_loss"


def test_differences_are_paired_by_row_and_need_no_common_order(tmp_path: Path) -> None:
    record = simulate.record(32, 4, 2)
    a, b = lone(tmp_path / "a", record), lone(tmp_path / "b", shifted(record, 0.25))
    rows = RowLosses.load(b / "rows.npz")
    order = np.random.default_rng(1).permutation(len(rows.val_digest))
    turned = {
        name: getattr(rows, name)[order] for name in ("val_tokens", "val_source", "val_digest")
    }
    kept = {name: array for name, array in vars(rows).items() if array is not None}
    RowLosses(**kept | turned | {"val": rows.val[:, order]}).save(b / "rows.npz")
    (pair,) = comparison([a, b]).pairs
    assert pair.rows == 200
    assert pair.difference is not None
    assert pair.difference.estimate == pytest.approx(0.25)
    assert pair.difference.error == pytest.approx(0, abs=1e-9)
    assert pair.is_sure


def test_noise_is_no_sure_difference(tmp_path: Path) -> None:
    record = simulate.record(32, 4, 2)
    a, b = lone(tmp_path / "a", record), lone(tmp_path / "b", record)
    rows = RowLosses.load(b / "rows.npz")
    noisy = rows.val + np.random.default_rng(2).normal(0, 5, rows.val.shape)
    kept = {name: array for name, array in vars(rows).items() if array is not None}
    RowLosses(**kept | {"val": noisy}).save(b / "rows.npz")
    (pair,) = comparison([a, b]).pairs
    assert pair.difference is not None
    assert pair.difference.low < 0 < pair.difference.high
    assert not pair.is_sure


def test_runs_on_other_rows_have_no_difference(tmp_path: Path) -> None:
    a = lone(tmp_path / "a", simulate.record(32, 4, 2))
    b = lone(tmp_path / "b", simulate.record(32, 8, 2))
    rows = RowLosses.load(b / "rows.npz")
    kept = {name: array for name, array in vars(rows).items() if array is not None}
    other = {"val_digest": rows.val_digest + np.uint64(1000)}
    RowLosses(**kept | other).save(b / "rows.npz")
    (pair,) = comparison([a, b]).pairs
    assert (pair.difference, pair.rows, pair.is_sure) == (None, 0, False)


def test_runs_of_studies_are_paired_by_what_both_swept(tmp_path: Path) -> None:
    records = simulate.grid()
    lower = [shifted(record, -0.1) for record in records if record.rank == 2]
    found = comparison([study(tmp_path / "a", records), study(tmp_path / "b", lower)])
    assert [pair.first.label for pair in found.pairs] == [record.label for record in lower]
    assert all(
        pair.difference and pair.difference.estimate == pytest.approx(-0.1) for pair in found.pairs
    )
    assert found.differ


def test_studies_that_differ_as_a_whole_are_paired_across_that(tmp_path: Path) -> None:
    records = [simulate.record(32, epochs, 2) for epochs in (1, 2)]
    faster = [simulate.record(32, epochs, 2) for epochs in (1, 2)]
    for record in faster:
        record.settings["train"]["learning_rate"] = 1e-3
    a, b = study(tmp_path / "a", records), study(tmp_path / "b", faster)
    for folder, rate in ((a, 4e-4), (b, 1e-3)):
        simulate.study(
            records, axes={"train.epochs": [1, 2]}, settings={"train.learning_rate": rate}
        ).save(folder)
    found = comparison([a, b])
    assert [line.key for line in found.settings] == ["train.learning_rate"]
    assert len(found.pairs) == 2


def test_two_runs_without_a_finite_loss_are_the_same(tmp_path: Path) -> None:
    record = simulate.record(32, 2, 2)
    lost = simulate.changed(record, curve=(record.curve[0], record.curve[1]._replace(val=math.nan)))
    run = lone(tmp_path / "a", lost)
    found = comparison([run, run])
    assert not found.differ
    assert found.pairs[0].difference is None


def test_all_folders_that_are_none_are_told_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", str(tmp_path / "x"), str(tmp_path / "y")]) == 2
    told = capsys.readouterr().err
    assert f"{tmp_path / 'x'}: is neither" in told
    assert f"{tmp_path / 'y'}: is neither" in told


def test_the_page_has_both_curves_and_the_differences(tmp_path: Path) -> None:
    records = simulate.grid()
    other = [shifted(record, 0.1) for record in records]
    found = comparison([study(tmp_path / "a", records), study(tmp_path / "b", other)])
    page = read(write(found, tmp_path / "out.html", "ja"))
    assert page.having("data-figure") == ["curve-0", "differences"]
    assert "違いがあります" in page.text
    figures = json.loads(page.scripts[0])
    assert figures["differences"]["data"][1]["x"] == pytest.approx([0.1] * 30)


def test_a_page_that_is_there_is_not_overwritten(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = lone(tmp_path / "a", simulate.record(32, 4, 2))
    out = tmp_path / "out.html"
    assert main(["compare", str(run), str(run), "--html", str(out)]) == 0
    before = out.read_bytes()
    assert main(["compare", str(run), str(run), "--html", str(out)]) == 2
    assert "is there already; give a new name" in capsys.readouterr().err
    assert out.read_bytes() == before


def test_answers_speed_and_licence_are_told_where_they_are_known(tmp_path: Path) -> None:
    a = lone(tmp_path / "a", simulate.record(32, 4, 2))
    b = lone(tmp_path / "b", simulate.record(32, 8, 2))
    leave(b, quality(0.5, 0.2), [])
    write_json(a / "provenance.json", {"license": "mit"})
    results = comparison([a, b]).json()["results"]
    assert results["f1"] == ["–", 0.5]
    assert results["bits_per_byte"] == ["–", 1.5]
    assert results["license"] == ["mit", "–"]
    summary = simulate.record(32, 4, 2).summary
    assert results["tokens_per_second"][0] == pytest.approx(summary.tokens / summary.seconds)
    assert "honesty" not in results


def test_names_of_others_stay_text(tmp_path: Path) -> None:
    record = simulate.record(32, 4, 2)
    record.settings["model"]["name"] = ATTACK
    named = simulate.changed(record, label=ATTACK)
    a, b = lone(tmp_path / "a", named), lone(tmp_path / "b", shifted(named, 0.1))
    page = read(write(comparison([a, b]), tmp_path / "out.html"))
    assert not [tag for tag, _ in page.elements if tag == "img"]
    assert len(page.scripts) == 3
    assert ATTACK in page.text
