import multiprocessing
import os
import signal

import pytest
import runs

from epochwise.config import TrackConfig
from epochwise.record import PlannedRun, Study
from epochwise.sweep.follower import tracked
from epochwise.sweep.local import fork_server

TRACK = TrackConfig(name="wandb", mode="offline", project="tests", tags=[])


@pytest.fixture
def folder(tmp_path, experiment):
    planned = (PlannedRun("run2", experiment.label, {}, "trunk"),)
    Study("pairs", "why?", "epochwise sweep", {}, {}, planned).save(tmp_path)
    (tmp_path / "log").mkdir()
    return tmp_path


def followers():
    return [child for child in multiprocessing.active_children() if child.name == "track"]


def test_runs_are_tracked_from_a_process_of_their_own(folder, experiment):
    with tracked(folder, TRACK, fork_server(())) as notes:
        assert len(followers()) == 1
        runs.complete(folder, "run2", experiment)
    assert notes == []
    assert followers() == []
    assert (folder / "wandb" / "tracked" / "run2").exists()
    assert len(list(folder.glob("wandb/offline-run-*-run2/*.wandb"))) == 1


def test_the_death_of_the_follower_harms_nothing_and_is_told(folder, experiment):
    with tracked(folder, TRACK, fork_server(())) as notes:
        (follower,) = followers()
        os.kill(follower.pid, signal.SIGKILL)
        runs.complete(folder, "run2", experiment)
    (note,) = notes
    assert "ended with -9" in note
    assert f"wandb sync {folder}/wandb" in note


def test_what_is_tracked_already_needs_no_process(folder, experiment):
    for _ in range(2):
        with tracked(folder, TRACK, fork_server(())):
            started = len(followers())
            runs.complete(folder, "run2", experiment)
    assert started == 0


def test_without_a_tracker_there_is_no_process(folder):
    off = TRACK.model_copy(update={"name": "none"})
    with tracked(folder, off, fork_server(())) as notes:
        assert followers() == []
    assert notes == []
