"""Commands, their flags, and the statuses they end with."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from epochwise import __version__
from epochwise.cli import COMMANDS, main
from epochwise.commands import status as status_command
from epochwise.record import Study


def test_without_a_command_all_commands_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    told = capsys.readouterr().out
    assert all(f"  {command.usage}" in told for command in COMMANDS.values())


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"epochwise {__version__}\n"


def test_an_unknown_command_is_told_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["swep"]) == 2
    assert "swep: no such command; did you mean sweep?" in capsys.readouterr().err


def test_help_of_train_lists_groups_keys_and_examples(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--help"]) == 0
    told = capsys.readouterr().out
    for part in ("peft: adalora, dora", "learning_rate: 0.0004", "epochwise sweep rank"):
        assert part in told


def test_hydras_own_flags_show_the_settings(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "peft=dora", "--cfg", "job", "--package", "peft"]) == 0
    assert "use_dora: true" in capsys.readouterr().out


def test_a_study_shows_its_settings(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sweep", "rank", "peft.lora_alpha=16", "--cfg", "job"]) == 0
    told = capsys.readouterr().out
    assert "study: rank" in told
    assert "lora_alpha: 16" in told


def test_flags_and_settings_come_in_any_order(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "peft.r=3", "--cfg", "job", "train.epochs=7"]) == 0
    told = capsys.readouterr().out
    assert "r: 3" in told
    assert "epochs: 7" in told


def test_a_wrong_flag_value_ends_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--cfg", "foo"]) == 2
    assert "choose from" in capsys.readouterr().err


def test_a_folder_that_is_no_study_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine" / "2026").mkdir(parents=True)
    (tmp_path / "mine" / "2026" / "study.json").touch()
    assert main(["report", str(tmp_path)]) == 2
    told = capsys.readouterr().err
    assert "is no study folder; give multirun/NAME/STAMP" in told
    assert f"did you mean {tmp_path / 'mine' / '2026'}?" in told


@pytest.mark.parametrize(("end", "status"), [(KeyboardInterrupt(), 130), (SystemExit(3), 3)])
def test_how_a_command_ends_is_the_exit_status(
    end: BaseException, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def command(arguments: Sequence[str]) -> int:
        raise end

    monkeypatch.setattr(status_command, "run", command)
    assert main(["status"]) == status


@pytest.fixture(scope="module")
def swept(rows_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which Hydra's own -m has carried out two runs."""
    folder = tmp_path_factory.mktemp("swept")
    done = epochwise(folder, "train", "-m", "train.epochs=1,2", *TINY, f"data.path={rows_file}")
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.splitlines()[-1]).name == "report.html"
    return folder


TINY = ["data=file", "data.size=8", "data.val_size=4", "train=smoke", "track=none"]


def epochwise(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "epochwise", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def test_hydras_multirun_goes_through_our_launcher_and_is_named_after_its_axes(
    swept: Path,
) -> None:
    [stamp] = (swept / "multirun" / "epochs").iterdir()
    study = Study.load(stamp)
    assert study.axes == {"train.epochs": [1, 2]}
    assert [run.overrides for run in study.runs] == [{"train.epochs": 1}, {"train.epochs": 2}]
    assert len({run.trunk for run in study.runs}) == 1
    assert study.command.startswith("epochwise train -m train.epochs=1,2 data=file")


def test_hydra_leaves_nothing_of_its_own(swept: Path) -> None:
    assert [path.name for path in swept.iterdir()] == ["multirun"]
    assert not list(swept.rglob("multirun.yaml")) + list(swept.rglob(".hydra"))


def test_the_report_of_a_study_is_written_again(
    swept: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    [stamp] = (swept / "multirun" / "epochs").iterdir()
    before = (stamp / "results.csv").read_bytes()
    (stamp / "results.csv").unlink()
    assert main(["report", str(stamp)]) == 0
    assert capsys.readouterr().out == f"{stamp / 'report.html'}\n"
    assert (stamp / "results.csv").read_bytes() == before


def test_a_lone_run_leaves_a_study_of_one(rows_file: Path, tmp_path: Path) -> None:
    done = epochwise(tmp_path, "train", *TINY, f"data.path={rows_file}")
    assert done.returncode == 0, done.stderr
    [stamp] = (tmp_path / "multirun" / "train").iterdir()
    settings = json.loads((stamp / "study.json").read_text())["settings"]
    assert (settings["train.epochs"], settings["data.size"]) == (1, 8)
    assert len(list((stamp / "runs").glob("*/DONE"))) == 1
