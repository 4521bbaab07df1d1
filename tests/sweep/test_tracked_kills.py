"""Whole studies, killed and continued: what W&B is shown equals the journals, point by point."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from wandb_file import tracked

from epochwise.config import ONE_DEVICE
from epochwise.record import Study, run_folder
from epochwise.train import journal
from epochwise.train.track import untracked

CARRY_OUT = Path(__file__).with_name("carry_out.py")


@pytest.fixture
def settings(experiment, tmp_path):
    track = {"name": "wandb", "mode": "offline", "project": "tests", "tags": []}
    rest = {"study": "grid", "question": "why?", "folder": str(tmp_path), "track": track}
    rest |= {"trainer": ONE_DEVICE.model_dump(), "skip_missing_models": False}
    return experiment.model_dump(mode="json") | rest


def started(settings, epochs):
    words = [json.dumps(value) for value in (settings, [8], epochs)]
    command = [sys.executable, str(CARRY_OUT), *words]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, **pipes, text=True)


def trackers(study):
    """Processes that hold the tracker's lock, found by what they have open."""
    lock = str(study / "log" / "track.lock")
    found = []
    for folder in Path("/proc").glob("[0-9]*/fd"):
        try:
            if any(os.readlink(link) == lock for link in folder.iterdir()):
                found.append(int(folder.parent.name))
        except OSError:  # it ended, or is another's
            continue
    return found


def numbers(rows, names):
    return [tuple(row.get(name) for name in names) for row in rows]


def assert_equal_to_the_journals(study):
    shown = tracked(study)
    for run in Study.load(study).runs:
        rows = journal.read(run_folder(study, run.id) / "journal.jsonl")
        points = [row for row in rows if row["kind"] == "point"]
        steps = [row for row in rows if row["kind"] == "step"]
        (only,) = shown[run.id]
        assert only.exit_code == 0
        axes = ("step", "epoch", "tokens")
        in_points = [row for row in only.history if "loss/val" in row]
        in_steps = [row for row in only.history if "loss/step" in row]
        assert points
        assert numbers(in_points, (*axes, "loss/val", "loss/probe")) == numbers(
            points, (*axes, "val", "probe")
        )
        assert numbers(in_steps, (*axes, "loss/step", "learning_rate", "grad_norm")) == numbers(
            steps, (*axes, "loss", "learning_rate", "grad_norm")
        )


@pytest.mark.parametrize("victim", ["tracker", "both"])
def test_after_a_kill_and_resume_each_point_is_there_once(settings, tmp_path, victim):
    first = started(settings, [1, 10])
    next(line for line in first.stderr if "val loss" in line)  # the shorter run is done
    (study,) = (tmp_path / "grid").iterdir()
    killed = [*(trackers(study) if victim != "supervisor" else [])]
    assert victim == "supervisor" or killed
    killed += [first.pid] if victim != "tracker" else []
    for process in killed:
        os.kill(process, signal.SIGKILL)
    first.communicate(timeout=100)
    if victim == "tracker":
        assert first.returncode == 0  # no run noticed
    second = started(settings, [1, 10])
    _, messages = second.communicate(timeout=100)
    assert second.returncode == 0, messages
    assert untracked(study) == []
    assert_equal_to_the_journals(study)
