import multiprocessing
import os
import signal
import time
from pathlib import Path

import pytest
import runs

from epochwise.config import TrackConfig
from epochwise.record import PlannedRun, Study
from epochwise.sweep import follower
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


SESSION = Path("/proc/self/autogroup")


def tell_niceness(stop, told):
    """Of this process, of its session, and of its session once it has changed back."""
    os.setsid()
    follower._give_way(stop)
    told.send(os.getpriority(os.PRIO_PROCESS, 0))
    told.send(SESSION.read_text().split()[-1] if SESSION.exists() else "10")
    while SESSION.exists() and not SESSION.read_text().endswith(" 0\n"):
        time.sleep(0.01)
    told.send("0")


def test_training_goes_first_until_it_is_over():
    stop, ours = multiprocessing.Pipe(duplex=False)
    heard, told = multiprocessing.Pipe(duplex=False)
    own = os.getpriority(os.PRIO_PROCESS, 0)
    process = multiprocessing.get_context("spawn").Process(target=tell_niceness, args=(stop, told))
    process.start()
    stop.close()
    assert heard.recv() == min(own + 10, 19)
    assert heard.recv() == "10"
    assert not heard.poll(0.2) or not SESSION.exists()
    ours.close()
    assert heard.recv() == "0"
    process.join()


def test_the_death_of_the_follower_harms_nothing_and_is_told(folder, experiment):
    with tracked(folder, TRACK, fork_server(())) as notes:
        (process,) = followers()
        os.kill(process.pid, signal.SIGKILL)
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
