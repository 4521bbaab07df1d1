import json
from pathlib import Path

import pytest
import yaml
from settings import changed

from epochwise.config import Experiment
from epochwise.experiment import run_trunk
from epochwise.record import run_folder
from epochwise.reproduce import reproduce


@pytest.fixture
def run(experiment: Experiment, tmp_path: Path) -> Path:
    """A finished run on a rows file of its own, so that a test may spoil both."""
    rows = tmp_path / "rows.json"
    rows.write_bytes(Path(experiment.data.path).read_bytes())
    mine = changed(experiment, {"data.path": str(rows), "train.epochs": 1})
    run_trunk({"run": mine}, tmp_path, on_step=lambda tick: None)
    return run_folder(tmp_path, "run")


def test_an_untouched_run_is_equal_and_nothing_drifted(run: Path) -> None:
    before = {file: file.read_bytes() for file in run.rglob("*") if file.is_file()}
    assert reproduce(run) == (True, [], [])
    assert {file: file.read_bytes() for file in run.rglob("*") if file.is_file()} == before


def test_a_changed_data_row_is_named(run: Path) -> None:
    file = run.parents[1] / "rows.json"
    rows = json.loads(file.read_text(encoding="utf-8"))
    for row in rows:
        row["output"] += " Indeed."
    file.write_text(json.dumps(rows), encoding="utf-8")
    result = reproduce(run)
    assert not result.equal
    assert "data: train row 1 of 22 changed" in result.drift
    assert any(line.startswith("epoch 1: val loss") for line in result.differences)


def test_one_changed_row_is_named_alone(run: Path) -> None:
    file = run.parents[1] / "rows.json"
    text = file.read_text(encoding="utf-8")
    journal = json.loads(text)
    changes = 0
    for row in journal:
        original = row["output"]
        row["output"] = original + " Indeed."
        file.write_text(json.dumps(journal), encoding="utf-8")
        row["output"] = original
        result = reproduce(run)
        named = [line for line in result.drift if line.startswith("data: ") and "row " in line]
        assert len(named) <= 1
        changes += len(named)
        if named:
            assert not result.equal
            break
    assert changes == 1


def test_another_adapter_alone_is_a_difference(run: Path) -> None:
    file = run / "record.json"
    record = json.loads(file.read_text(encoding="utf-8"))
    record["summary"]["adapter_digest"] = "0" * 64
    file.write_text(json.dumps(record), encoding="utf-8")
    (difference,) = reproduce(run).differences
    assert difference.startswith("adapter 000000000000 is now ")


def test_a_changed_package_version_is_named(run: Path) -> None:
    file = run / "provenance.json"
    provenance = json.loads(file.read_text(encoding="utf-8"))
    provenance["packages"]["torch"] = "2.0.0"
    file.write_text(json.dumps(provenance), encoding="utf-8")
    result = reproduce(run)
    assert result.equal
    assert any(line.startswith("packages: torch was 2.0.0, is 2.13") for line in result.drift)


def test_a_changed_config_value_is_named(run: Path) -> None:
    file = run / "config.yaml"
    config = yaml.safe_load(file.read_text(encoding="utf-8"))
    config["train"]["learning_rate"] = 1e-3
    file.write_text(yaml.safe_dump(config), encoding="utf-8")
    result = reproduce(run)
    assert not result.equal
    assert "config: train.learning_rate was 0.004, is 0.001" in result.drift


def test_a_relative_path_is_found_from_another_folder(
    experiment: Experiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "rows.json").write_bytes(Path(experiment.data.path).read_bytes())
    monkeypatch.chdir(tmp_path)
    mine = changed(experiment, {"data.path": "rows.json", "train.epochs": 1})
    run_trunk({"run": mine}, tmp_path, on_step=lambda tick: None)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert reproduce(Path("../runs/run")) == (True, [], [])
    assert Path.cwd() == tmp_path / "elsewhere"


def test_an_unfinished_run_cannot_be_reproduced(run: Path) -> None:
    (run / "DONE").unlink()
    with pytest.raises(ValueError, match="not a finished run"):
        reproduce(run)
