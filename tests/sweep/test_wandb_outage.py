"""A W&B server that fails: the study does not notice, and `wandb sync` sends all of it later."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from wandb_server import Server

from epochwise.record import PlannedRun, Study, is_done, run_folder
from epochwise.train import journal

STUDY = Path(__file__).with_name("tracked_study.py")
TESTS = STUDY.parents[1]
WANDB = Path(sys.executable).with_name("wandb")
RUNS = ("one", "two")


@pytest.fixture
def folder(tmp_path, experiment):
    planned = tuple(PlannedRun(run, f"label {run}", {}, "trunk") for run in RUNS)
    Study("pairs", "why?", "epochwise sweep", {}, {}, planned).save(tmp_path)
    (tmp_path / "log").mkdir()
    return tmp_path


def environment(url):
    """No proxy, no key and no patience of the machine's own."""
    return os.environ | {
        "WANDB_BASE_URL": url,
        "WANDB_API_KEY": "0" * 40,
        "PYTHONPATH": f"{TESTS}:{STUDY.parent}",
    }


def carried_out(folder, experiment, url, patience=6):
    """Patience: seconds that the study waits for the tracker at its end."""
    words = [str(folder), experiment.model_dump_json(), str(patience)]
    command = [sys.executable, str(STUDY), *words]
    done = subprocess.run(
        command, env=environment(url), capture_output=True, text=True, check=True, timeout=100
    )
    return json.loads(done.stdout.splitlines()[-1])


def sync(folder, url):
    paths = [str(path) for path in sorted(folder.glob("wandb/*run-*"))]
    subprocess.run(
        [str(WANDB), "sync", *paths], env=environment(url), check=True, timeout=100, cwd=folder
    )


def losses(rows):
    """What the journal and W&B both name, in their order."""
    return [
        (row["step"], row["epoch"], row.get("loss/step"), row.get("loss/val"))
        for row in rows
        if "loss/step" in row or "loss/val" in row
    ]


def in_journal(folder, run):
    rows = journal.read(run_folder(folder, run) / "journal.jsonl")
    return [
        (row["step"], row["epoch"], row.get("loss"), row.get("val"))
        for row in rows
        if row["kind"] in ("step", "point")
    ]


def test_a_sound_server_is_sent_everything_once(folder, experiment):
    with Server() as server:
        told = carried_out(folder, experiment, server.url, patience=60)
        assert told["notes"] == []
        for run in RUNS:
            assert losses(server.kept.history(run)) == in_journal(folder, run)
            assert server.kept.exits[run] == 0
            assert f"adapter-{run}" in server.kept.artifacts
        assert [name for name, _ in server.kept.used] == ["data-da7ada7ada7a"] * 2
        assert sorted(run for _, run in server.kept.used) == ["one", "two"]


@pytest.mark.parametrize("sound", [0, 6])
@pytest.mark.parametrize("fault", ["401", "429", "500", "hang", "dead"])
def test_a_server_that_fails_is_no_loss(folder, experiment, fault, sound):
    with Server(fault, sound) as server:
        told = carried_out(folder, experiment, server.url)
        assert all(is_done(run_folder(folder, run)) for run in RUNS)
        (note,) = told["notes"]
        assert "no run was harmed" in note
        assert f"wandb sync {folder}/wandb/*run-*" in note
        server.fault = "none"
        sync(folder, server.url)
        for run in RUNS:
            assert losses(server.kept.history(run)) == in_journal(folder, run)
            assert server.kept.exits[run] == 0


def test_nobody_listening_is_no_loss(folder, experiment):
    told = carried_out(folder, experiment, "http://127.0.0.1:9")
    assert "no run was harmed" in told["notes"][0]
    with Server() as server:
        sync(folder, server.url)
        for run in RUNS:
            assert losses(server.kept.history(run)) == in_journal(folder, run)
