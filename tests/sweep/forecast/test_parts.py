"""A study that is planned, swept, and trained in parts by its own script."""

import csv
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from epochwise.record import Study, run_folder
from epochwise.report.cost import plan_and_outcome

EPOCHWISE = f'#!/bin/sh\nexec {sys.executable} -m epochwise "$@"\n'
FILES = ("rows.npz", "adapter/adapter_model.safetensors", "journal.jsonl")
TIMES = ("seconds", "peak_memory")


@pytest.fixture(scope="module", autouse=True)
def one_core() -> Iterator[None]:
    """Threads decide rounding: a study of one trunk gets as many as one of two."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    yield
    os.sched_setaffinity(0, before)


@pytest.fixture(scope="module")
def settings(rows_file: Path, tiny_base: Path) -> list[str]:
    """Two trunks of 32 steps: long enough for a few to be timed."""
    axes = ["train.epochs=1,4", "peft.r=2,4"]
    rows = ["data=file", f"data.path={rows_file}", "data.size=8", "data.val_size=4"]
    return [*axes, *rows, "model=folder", f"model.path={tiny_base}", "model.weights=fp32"] + [
        "train.batch_size=1",
        "track=none",
        "study=grid",
    ]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("planned")


def epochwise(home: Path, folder: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Typed in a folder of its own, with a cache of the module's."""
    (home / folder).mkdir(exist_ok=True)
    environment = os.environ | {"XDG_CACHE_HOME": str(home / "cache")}
    command = [sys.executable, "-m", "epochwise", *arguments]
    done = subprocess.run(
        command, cwd=home / folder, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done


@pytest.fixture(scope="module")
def swept(home: Path, settings: list[str]) -> Path:
    done = epochwise(home, "swept", "sweep", *settings)
    assert "\nabout " in done.stderr
    assert " s on 1 worker, 0." in done.stderr
    (study,) = (home / "swept" / "multirun" / "grid").iterdir()
    return study


def test_a_study_keeps_what_it_was_to_take_and_what_it_took(swept: Path) -> None:
    study = Study.load(swept)
    assert study.estimate is not None
    assert study.outcome is not None
    for name in ("runs", "trunks", "steps", "tokens"):
        assert study.estimate[name] == study.outcome[name] > 0, name
    assert study.estimate["steps"] == 64
    near = {line.name: line.ratio for line in plan_and_outcome(study)}
    assert near["disk"] == pytest.approx(1, abs=0.1)
    assert near["peak_memory"] == pytest.approx(1, abs=0.3)
    assert "Plan and outcome" in (swept / "report.html").read_text(encoding="utf-8")


def test_what_was_timed_once_is_known_to_the_next_plan(
    swept: Path, home: Path, settings: list[str]
) -> None:
    found = json.loads(epochwise(home, "parts", "plan", "--json", *settings).stdout)
    estimate = Study.load(swept).estimate
    assert estimate is not None
    assert found["estimate"] == json.loads(json.dumps(estimate)) | {"cost": None}
    assert [run["done_in"] for run in found["runs"]] == [None] * 4
    assert not (home / "parts" / "multirun").exists(), "a plan leaves nothing"


def test_a_plan_finds_what_is_done(swept: Path, home: Path, settings: list[str]) -> None:
    found = json.loads(epochwise(home, "swept", "plan", "--json", *settings).stdout)
    assert {Path(run["done_in"]).name for run in found["runs"]} == {r["id"] for r in found["runs"]}
    assert (found["trunks"], found["estimate"]["seconds"]) == ([], 0)


def test_a_study_trained_in_parts_is_the_study_swept(
    swept: Path, home: Path, settings: list[str]
) -> None:
    script = epochwise(home, "parts", "plan", "--format", "commands", *settings).stdout
    tools = home / "tools"
    tools.mkdir()
    (tools / "epochwise").write_text(EPOCHWISE)
    (tools / "epochwise").chmod(0o755)
    environment = os.environ | {"XDG_CACHE_HOME": str(home / "cache")}
    environment |= {"PATH": f"{tools}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["sh"], input=script, cwd=home / "parts", env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "4 runs, 0 done already; nothing is left to train" in done.stderr
    names = sorted(path.name for path in (home / "parts" / "multirun").iterdir())
    assert names == ["grid", "grid_part_1", "grid_part_2"]
    (gathered,) = (home / "parts" / "multirun" / "grid").iterdir()
    assert_equal(gathered, swept)


def assert_equal(one: Path, other: Path) -> None:
    studies = [Study.load(one), Study.load(other)]
    assert studies[0].runs == studies[1].runs
    assert (studies[0].axes, studies[0].settings) == (studies[1].axes, studies[1].settings)
    assert results(one) == results(other)
    for run in studies[0].runs:
        for file in FILES:
            left, right = (run_folder(study, run.id) / file for study in (one, other))
            assert left.read_bytes() == right.read_bytes(), (run.label, file)


def results(study: Path) -> list[dict[str, str]]:
    with (study / "results.csv").open(encoding="utf-8") as file:
        return [
            {key: value for key, value in row.items() if key not in TIMES}
            for row in csv.DictReader(file)
        ]
