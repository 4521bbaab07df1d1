"""The page of one run."""

from pathlib import Path

import pytest
from report import simulate
from report.test_answers import answered, quality
from report.test_page import read

from epochwise.cli import main
from epochwise.quality import leave
from epochwise.record import Record, run_folder, write_json
from epochwise.report.run_page import write


@pytest.fixture
def record() -> Record:
    return simulate.record(32, 16, 8)


@pytest.fixture
def run(tmp_path: Path, record: Record) -> Path:
    return run_folder(simulate.leave(tmp_path, [record]), record.id)


def test_a_runs_page_has_its_verdict_its_curve_and_all_its_settings(
    run: Path, record: Record
) -> None:
    page = read(write(run))
    assert page.having("data-figure") == ["curve-0", "gap-0"]
    assert "Stop at epoch 3, or give it more rows." in page.text
    assert "↗ overfits" in page.text
    assert f"{record.curve[-1].val:.3f}" in page.text
    assert "peft.lora_alpha32" in page.text
    assert f"epochwise reproduce {run.name}" in page.text


def test_it_tells_what_the_run_was_made_from_where_that_was_kept(run: Path) -> None:
    assert "SHA-256" not in read(write(run)).text
    digests = {part: {"digest": part * 3} for part in ("data", "model", "code")}
    machine = {"hardware": {"cores": 2, "gpu": None}, "packages": {"torch": "2.13.0"}}
    write_json(run / "provenance.json", digests | machine)
    told = read(write(run)).text
    assert "datadatadata" in told
    assert "cores 2 · torch 2.13.0" in told


def test_it_shows_answers_beside_the_base_where_there_are_any(run: Path) -> None:
    given = answered("paraphrased", 0.5)
    leave(run, quality(0.5), [given])
    page = read(write(run))
    assert "answers" in page.having("data-figure")
    assert "The same questions, answered" in page.text


def test_the_command_tells_a_run_from_a_study(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", str(run), "--language", "zh"]) == 0
    assert capsys.readouterr().out == f"{run / 'report.html'}\n"
    assert "过拟合" in (run / "report.html").read_text(encoding="utf-8")
    assert 'lang="zh"' in (run / "report.html").read_text(encoding="utf-8")


def test_a_language_that_is_not_there_is_a_mistake(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", str(run), "--language", "fr"]) == 2
    assert "choose from" in capsys.readouterr().err
