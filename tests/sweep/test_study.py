import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from epochwise.config import ONE_DEVICE
from epochwise.record import Study, is_done
from epochwise.sweep.folder import locked, new_folder, opened

CARRY_OUT = Path(__file__).with_name("carry_out.py")


def study(name="grid", rate=1e-3):
    return Study(name, "why?", "epochwise sweep", {}, {"train.learning_rate": rate}, ())


def test_folders_sort_by_time_and_never_collide(tmp_path):
    folders = [new_folder(tmp_path) for _ in range(50)]
    assert sorted(set(folders)) == folders


def test_the_newest_study_of_the_name_is_continued(tmp_path):
    first, _ = opened(tmp_path, study(), fresh=False)
    study().save(first)
    second, _ = opened(tmp_path, study(), fresh=True)
    study().save(second)
    assert second != first
    assert opened(tmp_path, study(), fresh=False)[0] == second


def test_other_settings_are_refused_with_the_remedy(tmp_path):
    folder, _ = opened(tmp_path, study(), fresh=False)
    study().save(folder)
    with pytest.raises(ValueError, match="there 0.001, now 0.002") as refused:
        opened(tmp_path, study(rate=2e-3), fresh=False)
    assert "--fresh" in str(refused.value)
    assert opened(tmp_path, study(rate=2e-3), fresh=True)[0] != folder


def test_a_lone_run_starts_a_folder_of_its_own(tmp_path):
    first, _ = opened(tmp_path, study("train"), fresh=False)
    study("train").save(first)
    assert opened(tmp_path, study("train"), fresh=False)[0] != first


def test_a_folder_is_worked_in_by_one_command_at_a_time(tmp_path):
    with locked(tmp_path) as first, locked(tmp_path) as second:
        assert (first, second) == (True, False)
    with locked(tmp_path) as later:
        assert later


@pytest.fixture
def settings(experiment, tmp_path):
    rest = {"study": "grid", "question": "why?", "folder": str(tmp_path)}
    track = {"name": "wandb", "mode": "offline", "project": "tests", "tags": []}
    trainer = ONE_DEVICE.model_dump()
    rest |= {"track": track, "trainer": trainer, "skip_missing_models": False}
    return experiment.model_dump(mode="json") | rest


def carry_out(settings, sizes, epochs):
    words = [json.dumps(value) for value in (settings, sizes, epochs)]
    command = [sys.executable, str(CARRY_OUT), *words]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, **pipes, text=True)


def test_a_study_that_is_interrupted_and_extended_keeps_what_is_done(settings, tmp_path):
    first = carry_out(settings, [8], [1, 400])
    heard = next(line for line in first.stderr if "val loss" in line)
    assert " n8 e1 lr0.004 s0: val loss" in heard
    first.send_signal(signal.SIGINT)
    _, messages = first.communicate(timeout=60)
    assert first.returncode == 130
    assert "interrupted: 1 of 2 runs are done and kept; the same command continues" in messages

    (folder,) = (tmp_path / "grid").iterdir()
    (done,) = (run for run in folder.glob("runs/*") if is_done(run))
    kept = {path: path.stat().st_mtime_ns for path in done.rglob("*")}

    second = carry_out(settings, [8, 16], [1, 2])
    results, messages = second.communicate(timeout=100)
    assert second.returncode == 0, messages
    assert "4 runs, 1 done already; 1 trunk to train: 40 row passes instead of 64" in messages
    assert results.splitlines()[-1] == str(folder / "report.html")
    assert (folder / "report.html").is_file()
    assert Study.load(folder).report == {"language": "en", "price_per_hour": None}
    assert {path: path.stat().st_mtime_ns for path in done.rglob("*")} == kept
    assert len([run for run in folder.glob("runs/*") if is_done(run)]) == 4
    assert Study.load(folder).axes == {"train.epochs": [1, 400, 2], "data.size": [8, 16]}
    assert len(list(folder.glob("wandb/tracked/*"))) == 4
    logs = [log.read_text() for log in folder.glob("log/*.log")]
    assert len(logs) == 2
    assert "attempt 1\nstopped: the state is kept\nattempt 2\n" in logs
    assert not any("not preloaded" in log for log in logs)

    other = settings | {"train": settings["train"] | {"learning_rate": 1e-3}}
    refused = carry_out(other, [8], [1, 2])
    _, messages = refused.communicate(timeout=60)
    assert refused.returncode == 2
    assert "train.learning_rate: there 0.004, now 0.001" in messages
