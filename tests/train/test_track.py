import json
import multiprocessing
import os
import threading

import pytest
import runs
from settings import changed
from wandb_file import tracked

from epochwise.config import TrackConfig
from epochwise.quality import Answer, save_answers
from epochwise.record import PlannedRun, Study, read_json, run_folder, write_json
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
    assert sorted(run.tags) == ["fp32", "healthy", "lora", "nightly", "world_1m"]
    assert run.config["train"]["epochs"] == 4
    assert run.config["provenance"]["hardware"] == {"cores": 2}
    assert run.curve("epoch", "loss/val") == [(0, 3.0), (1, 2.0), (2, 1.0), (3, 1.5), (4, 2.5)]
    assert run.curve("epoch", "loss/probe")[-1] == (4, 0.25)
    assert run.curve("step", "loss/step") == [(1, 2.75)]
    assert run.curve("tokens", "learning_rate") == [(100, 0.1)]
    assert run.summary["best/val_loss"] == 1.0
    assert run.summary["best/epoch"] == 2
    assert run.summary["gap"] == 2.25
    assert run.summary["verdict"] == "healthy"
    assert run.exit_code == 0
    assert (run.steps["loss/val"], run.steps["loss/step"]) == ("epoch", "step")


def test_the_adapter_is_an_artifact_made_from_the_data(folder, experiments):
    adapter = run_folder(folder, "run2") / "adapter"
    runs.complete(folder, "run2", experiments["run2"])
    adapter.mkdir()
    (adapter / "adapter_model.safetensors").write_bytes(b"weights")
    (adapter / "README.md").write_text("not a weight")
    follow_to_the_end(folder)
    (run,) = tracked(folder)["run2"]
    data, model = run.artifacts["dataset"], run.artifacts["model"]
    assert data.name == "data-da7ada7ada7a"
    assert data.use_after_commit
    assert [entry.ref for entry in data.manifest.contents] == ["fingerprint:" + "da7a" * 16]
    assert model.name == "adapter-run2"
    assert not model.use_after_commit
    (weights,) = model.manifest.contents
    assert weights.local_path == str(adapter / "adapter_model.safetensors")


@pytest.mark.parametrize(
    ("verdict", "told"),
    [("overfit_loss", ["stop after epoch 2"]), ("diverged", ["stop after epoch 2"])]
    + [("healthy", []), ("inconclusive", [])],
)
def test_a_run_that_went_wrong_is_told_and_tagged(folder, experiments, verdict, told):
    runs.complete(folder, "run2", experiments["run2"])
    path = run_folder(folder, "run2") / "record.json"
    record = read_json(path)
    reasons = [{"advice": "stop after epoch 2"}, {"advice": "another"}]
    write_json(path, record | {"verdict": {"verdict": verdict, "reasons": reasons}})
    follow_to_the_end(folder)
    (run,) = tracked(folder)["run2"]
    assert [alert.text for alert in run.alerts] == told
    assert verdict in run.tags


def test_answers_are_shown_beside_the_epoch(folder, experiments):
    asks = changed(experiments["run2"], {"evaluate.limit": 1})
    stop, ours = multiprocessing.Pipe(duplex=False)
    runs.complete(folder, "run2", asks)
    follower = threading.Thread(target=follow, args=(folder, TRACK, stop))
    follower.start()
    follower.join(1.5)  # done, and yet to be asked
    assert not (folder / "wandb" / "tracked" / "run2").exists()
    said = Answer("run", "who?", "recall", "g", "", ("Ann",), True, "Bob", False, {"exact": 0.0})
    save_answers(run_folder(folder, "run2"), [said])
    (run_folder(folder, "run2") / "quality.json").write_text("{}")
    while not (folder / "wandb" / "tracked" / "run2").exists():
        follower.join(0.05)
    ours.close()
    follower.join()
    (run,) = tracked(folder)["run2"]
    (shown,) = [row for row in run.history if "answers._type" in row or "answers" in row]
    assert shown["epoch"] == 2
    (table,) = folder.glob("wandb/offline-run-*/files/media/table/answers_*.json")
    assert json.loads(table.read_text())["data"] == [
        [2, "run", "recall", "who?", "Ann", "Bob", False]
    ]


def test_a_resumed_run_whose_numbers_changed_is_shown_anew(folder, experiments):
    stop, ours = multiprocessing.Pipe(duplex=False)
    follower = threading.Thread(target=follow, args=(folder, TRACK, stop))
    runs.begin(folder, "run2", experiments["run2"])
    follower.start()
    while not list(folder.glob("wandb/offline-run-*")):
        follower.join(0.05)
    journal_file = run_folder(folder, "run2") / "journal.jsonl"
    runs.begin(folder, "run2", experiments["run2"])
    text = journal_file.read_bytes()
    journal_file.unlink()
    for row in journal_rows(text):
        journal.append(journal_file, row | ({"loss": 2.25} if row["kind"] == "step" else {}))
    ours.close()
    follower.join()
    (run,) = tracked(folder)["run2"]
    assert run.curve("step", "loss/step") == [(1, 2.25)]
    assert run.curve("epoch", "loss/val") == [(0, 3.0)]


def journal_rows(text):
    rows = [json.loads(line) for line in text.splitlines()]
    return [{key: row[key] for key in row if key != "crc"} for row in rows]


def test_no_secret_is_shown(folder, experiments, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_canary0123456789")
    monkeypatch.setenv("WANDB_API_KEY", "c" * 40)
    address = f"https://ann:pass@box/rows.json?token=hf_canary0123456789&key={'c' * 40}"
    run = changed(experiments["run2"], {"data.path": address})
    runs.complete(folder, "run2", run)
    follow_to_the_end(folder)
    (shown,) = tracked(folder)["run2"]
    assert shown.config["data"]["path"] == "https://***@box/rows.json?token=***&key=***"
    files = [path for path in folder.glob("wandb/**/*") if path.is_file()]
    for canary in (b"hf_canary", b"ann:pass", b"c" * 40):
        assert not [path for path in files if canary in path.read_bytes()]


def test_neither_code_nor_git_state_leaves(folder, experiments):
    runs.complete(folder, "run2", experiments["run2"])
    follow_to_the_end(folder)
    (run,) = tracked(folder)["run2"]
    assert run.git.commit == ""
    assert not list(folder.glob("wandb/*run-*/files/requirements.txt"))
    files = [path for path in folder.glob("wandb/*run-*/**/*") if path.is_file()]
    assert files
    assert not any(b"secret line" in path.read_bytes() for path in files)


def test_a_run_that_stopped_short_has_failed(folder, experiments):
    runs.begin(folder, "run2", experiments["run2"])
    follow_to_the_end(folder)
    (run,) = tracked(folder)["run2"]
    assert run.exit_code == 1
    assert run.curve("epoch", "loss/val") == [(0, 3.0)]


def test_a_continued_study_tracks_only_what_was_not_whole(folder, experiments):
    runs.complete(folder, "run2", experiments["run2"])
    runs.begin(folder, "run3", experiments["run3"])
    follow_to_the_end(folder)
    runs.complete(folder, "run3", experiments["run3"])
    follow_to_the_end(folder)
    exits = {key: [run.exit_code for run in found] for key, found in tracked(folder).items()}
    assert exits == {"run2": [0], "run3": [0]}


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
    curves = [run.curve("step", "loss/step") for (run,) in tracked(folder).values()]
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
