import multiprocessing
import os
import threading

import pytest
import runs
from settings import changed
from wandb_file import tracked

from epochwise.config import TrackConfig
from epochwise.record import PlannedRun, Study, run_folder
from epochwise.train import journal
from epochwise.train.track import follow, mode

TRACK = TrackConfig(name="wandb", mode="offline", project="tests", tags=["nightly", "lora"])


@pytest.fixture
def experiments(experiment):
    return {f"run{n}": changed(experiment, {"train.epochs": n}) for n in (2, 3, 4)}


@pytest.fixture
def folder(tmp_path, experiments):
    planned = tuple(PlannedRun(key, run.label, {}, "trunk") for key, run in experiments.items())
    study = Study("pairs", "why?", "epochwise sweep pairs", {}, {}, planned)
    folder = tmp_path / "pairs" / "2026-01-02"
    folder.mkdir(parents=True)
    study.save(folder)
    return folder


def follow_to_the_end(folder):
    """As after a study: nobody holds the other end any more."""
    stop, ours = multiprocessing.Pipe(duplex=False)
    ours.close()
    follow(folder, TRACK, stop)


def test_every_run_is_one_wandb_run_with_the_curve_of_its_journal(folder, experiments):
    before = dict(os.environ)
    for run_id, run in experiments.items():
        runs.complete(folder, run_id, run)
    follow_to_the_end(folder)
    assert os.environ.get("WANDB_MODE") == before.get("WANDB_MODE")

    found = tracked(folder)
    assert sorted(found) == ["run2", "run3", "run4"]
    (run,) = found["run4"]
    assert (run.group, run.job_type) == ("pairs/2026-01-02", "train")
    assert run.name == experiments["run4"].label
    assert sorted(run.tags) == ["fp32", "lora", "nightly", "world_1m"]
    assert run.config["train"]["epochs"] == 4
    assert run.config["provenance"]["hardware"] == {"cores": 2}
    assert run.curve("epoch", "val/loss") == [(0, 3.0), (1, 2.0), (2, 1.0), (3, 1.5), (4, 2.5)]
    assert run.curve("epoch", "probe/loss")[-1] == (4, 0.25)
    assert run.curve("step", "step/loss") == [(1, 2.75)]
    assert run.curve("tokens", "learning_rate") == [(100, 0.1)]
    assert run.summary["best/val_loss"] == 1.0
    assert run.summary["best/epoch"] == 2
    assert run.summary["gap"] == 2.25
    assert run.summary["verdict"] == "healthy"
    assert run.exit_code == 0
    assert (run.steps["val/loss"], run.steps["step/loss"]) == ("epoch", "step")


def test_neither_code_nor_git_state_leaves(folder, experiments):
    runs.complete(folder, "run2", experiments["run2"])
    follow_to_the_end(folder)
    (run,) = tracked(folder)["run2"]
    assert run.git.commit == ""
    files = [path for path in folder.glob("wandb/*run-*/**/*") if path.is_file()]
    assert files
    assert not any(b"secret line" in path.read_bytes() for path in files)


def test_a_run_that_stopped_short_has_failed(folder, experiments):
    runs.begin(folder, "run2", experiments["run2"])
    follow_to_the_end(folder)
    (run,) = tracked(folder)["run2"]
    assert run.exit_code == 1
    assert run.curve("epoch", "val/loss") == [(0, 3.0)]


def test_a_continued_study_tracks_only_what_was_not_whole(folder, experiments):
    runs.complete(folder, "run2", experiments["run2"])
    runs.begin(folder, "run3", experiments["run3"])
    follow_to_the_end(folder)
    runs.complete(folder, "run3", experiments["run3"])
    follow_to_the_end(folder)
    exits = {key: [run.exit_code for run in found] for key, found in tracked(folder).items()}
    assert exits == {"run2": [0], "run3": [1, 0]}


def test_runs_that_grow_side_by_side_are_followed_while_they_do(folder, experiments):
    stop, ours = multiprocessing.Pipe(duplex=False)
    follower = threading.Thread(target=follow, args=(folder, TRACK, stop))
    follower.start()
    for run_id in ("run2", "run3"):
        runs.begin(folder, run_id, experiments[run_id])
    while len(list(folder.glob("wandb/offline-run-*"))) < 2:
        follower.join(0.05)
    step = {"kind": "step", "step": 2, "epoch": 1.5, "tokens": 150, "loss": 2.5}
    for run_id in ("run2", "run3"):
        journal.append(run_folder(folder, run_id) / "journal.jsonl", step)
    ours.close()
    follower.join()
    curves = [run.curve("step", "step/loss") for (run,) in tracked(folder).values()]
    assert curves == [[(1, 2.75), (2, 2.5)]] * 2


@pytest.fixture
def nowhere(monkeypatch, tmp_path):
    """No W&B variable and no netrc file."""
    for name in ("WANDB_MODE", "WANDB_API_KEY", "WANDB_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    return tmp_path / "netrc"


AUTO = TRACK.model_copy(update={"mode": "auto"})


def test_without_a_key_runs_are_kept_offline(nowhere):
    assert mode(AUTO) == "offline"


def test_a_key_in_the_environment_means_online(nowhere, monkeypatch):
    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    assert mode(AUTO) == "online"


@pytest.mark.parametrize(
    ("url", "host", "expected"),
    [
        (None, "api.forge.coreweave.com", "online"),
        (None, "api.wandb.ai", "online"),
        (None, "example.org", "offline"),
        ("http://box:8080", "box:8080", "online"),
        ("http://box:8080", "api.wandb.ai", "offline"),
    ],
)
def test_a_netrc_entry_for_the_server_means_online(nowhere, monkeypatch, url, host, expected):
    nowhere.write_text(f"machine {host}\n  login user\n  password {'0' * 40}\n")
    if url:
        monkeypatch.setenv("WANDB_BASE_URL", url)
    assert mode(AUTO) == expected


def test_a_broken_netrc_file_is_no_key(nowhere):
    nowhere.write_text("machine\n")
    assert mode(AUTO) == "offline"


def test_wandb_mode_decides_where_the_config_leaves_it_open(nowhere, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "disabled")
    assert mode(AUTO) == "disabled"
    assert mode(TRACK) == "offline"
    monkeypatch.setenv("WANDB_MODE", "dryrun")
    with pytest.raises(ValueError, match="WANDB_MODE=dryrun: expected online, offline or disabled"):
        mode(AUTO)


def test_no_tracker_is_no_tracker(nowhere):
    assert mode(TRACK.model_copy(update={"name": "none", "mode": "online"})) == "disabled"
