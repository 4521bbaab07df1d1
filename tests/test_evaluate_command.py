"""The command as it is typed, and the settings of evaluate=quality."""

import json
import shutil
from pathlib import Path

import pytest
import yaml
from judge_server import good, serving
from short_study import two_runs

from epochwise.cli import main
from epochwise.compose.check import plan
from epochwise.compose.places import conf_folder
from epochwise.config import EvaluateConfig, Experiment
from epochwise.evaluate.exam import Ask, asked_by

FEW = ["--limit", "2", "--shots", "0", "--max-new-tokens", "8"]


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory, rows_file: Path) -> Path:
    return two_runs(tmp_path_factory.mktemp("study"), str(rows_file))


def test_a_study_is_told_run_by_run(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", str(study), *FEW]) == 0
    told = capsys.readouterr().out
    assert "e1" in told
    assert "e4" in told
    assert told.splitlines()[-1] == str(study / "runs")
    assert len(list(study.glob("runs/*/quality.json"))) == 2
    assert len(list(study.glob("runs/*/answers.jsonl"))) == 2


def test_a_run_is_told_arm_by_arm(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = sorted(study.glob("runs/*"))[0]
    assert main(["evaluate", str(run), *FEW]) == 0
    told = capsys.readouterr().out
    for part in ("trained", "skill", "base", "bits per byte", "ine-tun", "BLEU by sacrebleu"):
        assert part in told
    assert told.splitlines()[-1] == str(run / "quality.json")


def test_json_is_one_document(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", str(study), *FEW, "--json"]) == 0
    runs = json.loads(capsys.readouterr().out)["runs"]
    assert [run["label"].split()[-3] for run in runs] == ["e1", "e4"]
    assert runs[0]["arms"]["run"]["trained"]["exact"]["n"] == 2


def test_a_judge_grades_once_what_was_answered(
    study: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = str(sorted(study.glob("runs/*"))[0])
    with serving() as server:
        server.replies = [good(4)]
        asks = ["evaluate", run, *FEW, "--judge-url", server.url, "--judge-model", "grader"]
        assert main(asks) == 0
        asked = len(server.asked)
        assert main([*asks, "--json"]) == 0
        assert len(server.asked) == asked
    told = capsys.readouterr().out
    assert "scores of grader, 1 to 5" in told
    (found,) = json.loads(told[told.index("\n{") :])["runs"]
    assert found["judged"]["arms"]["base"]["value"] == 4
    assert (
        asked
        == sum(arm["value"] is not None for arm in found["judged"]["arms"].values())
        * (found["judged"]["arms"]["run"]["n"])
    )


def test_a_blind_page_is_of_one_run(
    study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "blind.html"
    assert main(["evaluate", str(sorted(study.glob("runs/*"))[0]), *FEW, "--blind", str(page)]) == 0
    assert str(page.with_suffix(".key.json")) in capsys.readouterr().err
    assert "Which answer is better?" in page.read_text(encoding="utf-8")
    assert main(["evaluate", str(study), *FEW, "--blind", str(page)]) == 2
    assert "--blind: compares one run with its base" in capsys.readouterr().err


def test_the_runs_are_still_whole(study: Path) -> None:
    from epochwise.sweep.reuse import is_whole

    assert main(["evaluate", str(study), *FEW]) == 0
    assert all(is_whole(run) for run in study.glob("runs/*"))


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--limit", "0"], "0: must be a whole number, 1 or more"),
        (["--shots", "-1"], "-1: must be a whole number, 0 or more"),
        (["--max-new-tokens", "x"], "x: must be a whole number"),
        (["--questions", "none.jsonl"], "none.jsonl: cannot be read"),
        (["--refusals", "none.txt"], "none.txt: cannot be read"),
        (["--judge-url", "http://x"], "a judge needs both"),
        (["--judge-url", "x", "--judge-model", "m"], "expected an address such as"),
    ],
)
def test_a_mistake_is_told_and_ends_with_2(
    flags: list[str], said: str, study: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", str(study), *flags]) == 2
    assert said in capsys.readouterr().err


def test_a_folder_that_holds_no_run_is_refused(
    tmp_path: Path, study: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", str(tmp_path)]) == 2
    assert "is no study and no finished run; give multirun/NAME" in capsys.readouterr().err
    copied = shutil.copytree(study, tmp_path / "copy")
    for done in copied.glob("runs/*/DONE"):
        done.unlink()
    assert main(["evaluate", str(copied)]) == 2
    assert "none of its 3 runs is done" in capsys.readouterr().err


def test_the_yaml_asks_what_the_command_asks_by_default() -> None:
    content = yaml.safe_load((conf_folder() / "evaluate" / "quality.yaml").read_text("utf-8"))
    assert asked_by(EvaluateConfig.model_validate(content)) == Ask()


def test_what_is_not_asked_is_not_in_a_config(experiment: Experiment) -> None:
    told = experiment.model_dump(mode="json")["evaluate"]
    assert told == {"name": "loss", "probe_size": 10, "batch_size": 5}


def test_a_run_that_asks_for_answers_is_another_run() -> None:
    loss, quality = (plan([f"evaluate={name}"]).configs[0] for name in ("loss", "quality"))
    assert loss.experiment.id("rows") != quality.experiment.id("rows")


@pytest.mark.parametrize("setting", ["evaluate.limit=0", "evaluate.shots=-1", "evaluate.limi=3"])
def test_a_wrong_setting_is_told_before_anything_runs(setting: str) -> None:
    (problem,) = plan(["evaluate=quality", setting]).problems
    assert setting.partition("=")[0] in problem
