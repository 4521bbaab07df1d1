"""Each tracker's own files, read back by its own reader, equal the journal."""

import csv
import multiprocessing

import pytest
import runs

from epochwise.config import TrackConfig
from epochwise.record import PlannedRun, Study, run_folder
from epochwise.train.track import follow, untracked

VAL = [(0, 3.0), (1, 2.0), (2, 1.0), (3, 1.5), (4, 2.5)]


@pytest.fixture
def folder(tmp_path, experiment):
    folder = tmp_path / "pairs" / "2026-01-02"
    folder.mkdir(parents=True)
    planned = (PlannedRun("run4", experiment.label, {}, "trunk"),)
    Study("pairs", "why?", "epochwise sweep", {}, {}, planned).save(folder)
    return folder


def tracked(folder, experiment, name):
    """Stopped short once, then whole: what the first attempt left must not show."""
    track = TrackConfig(name=name, mode="auto", project="tests", tags=[])
    longer = experiment.model_copy(
        update={"train": experiment.train.model_copy(update={"epochs": 4})}
    )
    for write in (runs.begin, runs.complete):
        write(folder, "run4", longer)
        stop, ours = multiprocessing.Pipe(duplex=False)
        ours.close()
        assert follow(folder, track, stop) == 0
        assert (untracked(folder, name) == []) == (write is runs.complete)
    assert run_folder(folder, "run4").is_dir()


def test_csv(folder, experiment):
    tracked(folder, experiment, "csv")
    with (folder / "csv" / "run4.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    points = [(int(row["epoch"]), float(row["loss/val"])) for row in rows if row["loss/val"]]
    assert points == VAL
    assert [row["loss/step"] for row in rows if row["loss/step"]] == ["2.75"]


def test_tensorboard(folder, experiment):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    tracked(folder, experiment, "tensorboard")
    events = EventAccumulator(str(folder / "tensorboard" / "run4")).Reload()
    assert [(point.step, point.value) for point in events.Scalars("loss/val")] == VAL
    assert [(point.step, point.value) for point in events.Scalars("loss/step")] == [(1, 2.75)]


def test_trackio(folder, experiment, monkeypatch, tmp_path):
    pytest.importorskip("trackio", reason="trackio 0.43 needs pillow under 13, locked is 13.0.0")
    from trackio import sqlite_storage, utils

    for module in (sqlite_storage, utils):
        monkeypatch.setattr(module, "TRACKIO_DIR", tmp_path / "trackio")
    tracked(folder, experiment, "trackio")
    rows = sqlite_storage.SQLiteStorage.get_logs("tests", experiment.label, run_id="run4")
    assert [(row["epoch"], row["loss/val"]) for row in rows if "loss/val" in row] == VAL
    assert [row["verdict"] for row in rows if "verdict" in row] == ["healthy"]


def test_mlflow(folder, experiment, monkeypatch):
    pytest.importorskip("mlflow", reason="mlflow 3.17 needs pyarrow under 26, locked is 26.0.1")
    from mlflow import MlflowClient

    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    tracked(folder, experiment, "mlflow")
    client = MlflowClient(f"sqlite:///{folder / 'mlflow' / 'mlflow.db'}")
    place = client.get_experiment_by_name("tests").experiment_id
    (run,) = client.search_runs([place])
    history = client.get_metric_history(run.info.run_id, "loss/val")
    assert [(point.step, point.value) for point in history] == VAL
    assert run.data.tags["verdict"] == "healthy"
    assert run.data.params["train.epochs"] == "4"
