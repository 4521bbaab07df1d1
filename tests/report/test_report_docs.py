"""docs/report.md: its commands and its Python are run as written."""

import re
import shlex
from pathlib import Path

import pytest
from report import simulate

from epochwise.cli import main
from epochwise.diagnose.finding import study_finding

TEXT = (Path(__file__).parents[2] / "docs" / "report.md").read_text(encoding="utf-8")
COMMANDS, PYTHON = re.findall(r"```(?:python)?\n(.*?)```", TEXT, re.DOTALL)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    study = tmp_path / "multirun" / "NAME" / "STAMP"
    study.mkdir(parents=True)
    records = simulate.grid()[:10]
    records[0] = simulate.changed(records[0], id="ID")
    simulate.leave(study, records, finding=study_finding)
    for each, name in zip(records[1:3], "AB", strict=True):
        (tmp_path / name).symlink_to(study / "runs" / each.id)
    return tmp_path


def test_every_command_runs(place: Path) -> None:
    lines = [shlex.split(line, comments=True) for line in COMMANDS.splitlines()]
    assert len(lines) == 6
    statuses = [main(words[1:]) for words in lines if words]
    assert statuses == [0, 0, 0, 3, 0, 0]
    assert (place / "experiments" / "epochs_vs_size" / "README.md").is_file()


def test_the_python_runs(place: Path) -> None:
    names: dict[str, object] = {}
    exec(PYTHON, names)  # of our own documentation
    assert "study" in names
