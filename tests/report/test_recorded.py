"""A study as a repository keeps it."""

from dataclasses import replace
from pathlib import Path

import html5lib
import pytest
from report import simulate
from report.attacks import ATTACKS

from epochwise.cli import main
from epochwise.record import Study, run_folder
from epochwise.report.page import write
from epochwise.report.recorded import record


@pytest.fixture
def study(tmp_path: Path) -> Path:
    folder = tmp_path / "study"
    folder.mkdir()
    records = simulate.grid()
    simulate.leave(folder, records)
    for each in records:
        home = run_folder(folder, each.id)
        (home / "config.yaml").write_text(f"size: {each.settings['data']['size']}\n")
        (home / "adapter").mkdir()
        (home / "adapter" / "adapter_model.safetensors").write_bytes(b"weights")
    write(folder)
    return folder


def test_the_record_tells_the_study_and_holds_no_weights(study: Path, tmp_path: Path) -> None:
    readme = record(study, tmp_path / "kept")
    text = readme.read_text(encoding="utf-8")
    assert text.startswith("# epochs_vs_size: a recorded study\n")
    assert "Train on 512 rows for 4 epochs at rank 2." in text
    assert f"    {simulate.COMMAND}" in text
    assert "![heat-0](figures/heat-0.svg)" in text
    kept = {str(path.relative_to(readme.parent)) for path in readme.parent.rglob("*")}
    assert {"finding.json", "results.csv", "report.html", "config.yaml"} <= kept
    assert {"figures/heat-0.svg", "figures/heat-0.csv"} <= kept
    assert not [name for name in kept if name.endswith((".safetensors", ".npz"))]
    assert (readme.parent / "config.yaml").read_text() == "size: 512\n"
    assert (readme.parent / "results.csv").read_bytes() == (study / "results.csv").read_bytes()


def test_the_readme_lists_the_lowest_losses(study: Path, tmp_path: Path) -> None:
    lines = record(study, tmp_path / "kept").read_text(encoding="utf-8").splitlines()
    rows = [line.split(" | ")[0].removeprefix("| ") for line in lines if line.startswith("| world")]
    best = sorted(simulate.grid(), key=lambda each: each.curve[-1].val)[:10]
    assert rows == [each.label for each in best]


def test_what_is_there_is_not_overwritten(
    study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "mine.txt").write_text("mine")
    assert main(["record", str(study), "--to", str(tmp_path / "kept")]) == 2
    assert "is there already; nothing was recorded" in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "kept").iterdir()] == ["mine.txt"]


def test_it_goes_to_experiments_under_the_studys_name(
    study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["record", "study"]) == 0
    assert capsys.readouterr().out == "experiments/epochs_vs_size/README.md\n"
    assert main(["record", "study"]) == 2
    assert main(["record", str(tmp_path)]) == 2
    assert f"did you mean {study}" in capsys.readouterr().err.replace("/private", "")


def test_names_of_others_are_no_markup_in_the_readme(tmp_path: Path) -> None:
    folder = tmp_path / "study"
    folder.mkdir()
    records = [
        simulate.changed(each, label=f"{attack} [x](javascript:alert(1)) | `y`")
        for each, attack in zip(simulate.grid(), ATTACKS, strict=False)
    ]
    simulate.leave(folder, records)
    write(folder)
    text = record(folder, tmp_path / "kept").read_text(encoding="utf-8")
    tree = html5lib.parseFragment(text, namespaceHTMLElements=False)
    assert [each.tag for each in tree.iter()] == ["DOCUMENT_FRAGMENT"]
    assert "](javascript" not in text


def test_a_report_is_written_again_in_the_language_of_its_study(tmp_path: Path) -> None:
    study = simulate.leave(tmp_path, simulate.grid()[:3])
    replace(Study.load(study), report={"language": "zh"}).save(study)
    run = run_folder(study, simulate.grid()[0].id)
    for folder in (study, run):
        assert main(["report", str(folder)]) == 0
        assert 'lang="zh"' in (folder / "report.html").read_text(encoding="utf-8")
    assert main(["report", str(study), "--language", "en"]) == 0
    assert 'lang="en"' in (study / "report.html").read_text(encoding="utf-8")


def test_the_report_is_kept_in_the_language_it_has_or_is_asked_for(
    study: Path, tmp_path: Path
) -> None:
    write(study, "ja")
    assert main(["record", str(study), "--to", str(tmp_path / "as-it-is")]) == 0
    assert main(["record", str(study), "--to", str(tmp_path / "zh"), "--language", "zh"]) == 0
    pages = {name: tmp_path / name / "report.html" for name in ("as-it-is", "zh")}
    assert 'lang="ja"' in pages["as-it-is"].read_text(encoding="utf-8")
    assert 'lang="zh"' in pages["zh"].read_text(encoding="utf-8")
