"""The same curves through other trackers: files on this machine, no account, no network."""

import csv
import os
import shutil
from pathlib import Path
from typing import Any

from epochwise.record import Record, flat
from epochwise.train import shown
from epochwise.train.shown import JSON, Followed

COLUMNS = (*shown.AXES, *shown.BY_EPOCH, *shown.BY_STEP)


class OnCsv:
    """STUDY/csv/ID.csv: a row for each of the journal, cells empty where nothing was measured."""

    def __init__(self, followed: Followed) -> None:
        path = _place(followed) / f"{followed.planned.id}.csv"
        self._file = path.open("w", newline="", encoding="utf-8")
        self._rows = csv.DictWriter(self._file, COLUMNS)
        self._rows.writeheader()

    def log(self, rows: list[JSON]) -> None:
        self._rows.writerows(rows)
        self._file.flush()

    def close(self, record: Record | None) -> None:
        self._file.close()


class OnTensorBoard:
    """STUDY/tensorboard/ID: losses of a measurement by epoch, those of steps by step."""

    def __init__(self, followed: Followed) -> None:
        from torch.utils.tensorboard.writer import SummaryWriter

        folder = _place(followed) / followed.planned.id
        shutil.rmtree(folder, ignore_errors=True)
        self._writer: Any = SummaryWriter(str(folder))
        self._settings = _scalars(followed.settings)

    def log(self, rows: list[JSON]) -> None:
        for row in rows:
            for name, value, x in _by_axis(row):
                self._writer.add_scalar(name, value, x)
        self._writer.flush()

    def close(self, record: Record | None) -> None:
        if record is not None:
            best = {"best/val_loss": shown.summary(record)["best/val_loss"]}
            self._writer.add_hparams(self._settings, best, run_name=".")
            self._writer.add_text("verdict", f"{shown.verdict(record)}: {shown.advice(record)}")
        self._writer.close()


class OnTrackio:
    """In trackio's own folder (TRACKIO_DIR), so that `trackio show` finds it."""

    def __init__(self, followed: Followed) -> None:
        from trackio.sqlite_storage import SQLiteStorage

        self._store: Any = SQLiteStorage
        self._project = followed.track.project
        self._run, self._name = followed.planned.id, followed.planned.label
        self._next = 0
        self._config = flat(followed.settings) | {"_Group": followed.group}
        self._store.delete_run(self._project, self._name, self._run)

    def log(self, rows: list[JSON]) -> None:
        steps = list(range(self._next, self._next + len(rows)))
        self._next += len(rows)
        self._store.bulk_log(
            self._project, self._name, rows, steps, config=self._config, run_id=self._run
        )

    def close(self, record: Record | None) -> None:
        if record is not None:
            self.log([shown.summary(record)])


class OnMlflow:
    """MLFLOW_TRACKING_URI where it is set, else STUDY/mlflow/mlflow.db."""

    def __init__(self, followed: Followed) -> None:
        from mlflow import MlflowClient

        here = f"sqlite:///{(_place(followed) / 'mlflow.db').resolve()}"
        self._client: Any = MlflowClient(os.environ.get("MLFLOW_TRACKING_URI", here))
        project, run = followed.track.project, followed.planned.id
        found = self._client.get_experiment_by_name(project)
        experiment = found.experiment_id if found else self._client.create_experiment(project)
        same = f"tags.`epochwise.run` = '{run}'"
        for earlier in self._client.search_runs([experiment], same):
            self._client.delete_run(earlier.info.run_id)
        tags = {"epochwise.run": run, "group": followed.group}
        opened = self._client.create_run(experiment, run_name=followed.planned.label, tags=tags)
        self._id = opened.info.run_id
        for name, value in _scalars(followed.settings).items():
            self._client.log_param(self._id, name, value)

    def log(self, rows: list[JSON]) -> None:
        for row in rows:
            for name, value, x in _by_axis(row):
                self._client.log_metric(self._id, name, value, step=x)

    def close(self, record: Record | None) -> None:
        if record is not None:
            self._client.set_tag(self._id, "verdict", shown.verdict(record))
        self._client.set_terminated(self._id, "FAILED" if record is None else "FINISHED")


def _by_axis(row: JSON) -> list[tuple[str, float, int]]:
    """Name, value and place of each number: these trackers know one whole axis a number."""
    by_epoch = [(name, row[name], row["epoch"]) for name in shown.BY_EPOCH if name in row]
    by_step = [(name, row[name], row["step"]) for name in shown.BY_STEP if name in row]
    return by_epoch + by_step


def _scalars(settings: JSON) -> dict[str, str | int | float | bool]:
    leaves = flat(settings).items()
    return {key: v if isinstance(v, int | float | bool) else str(v) for key, v in leaves}


def _place(followed: Followed) -> Path:
    place = followed.study_folder / followed.track.name
    place.mkdir(parents=True, exist_ok=True)
    return place
