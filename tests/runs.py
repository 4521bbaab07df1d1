"""Run folders without training: the real writers, invented losses."""

from pathlib import Path
from typing import Any

import numpy as np

from epochwise.config import Experiment
from epochwise.record import Point, Record, RowLosses, Summary, run_folder
from epochwise.train.folder import RunFolder

ORIGIN: dict[str, Any] = {
    "code": {"version": "0.1.0", "digest": "c0de", "patch": "+ a secret line"},
    "packages": {"torch": "2.13.0"},
    "hardware": {"cores": 2},
    "data": {"digest": "da7a" * 16},
    "model": {"path": "world:1m"},
    "command": ["epochwise", "sweep"],
}
SUMMARY = Summary(
    steps=4,
    tokens=400,
    seconds=1.0,
    peak_memory=0.5,
    trainable_parameters=10,
    adapter_digest="ad",
    dropped_rows=0,
    micro_batch_size=8,
    skipped_steps=0,
)
VAL = (3.0, 2.0, 1.0, 1.5, 2.5)  # lowest after epoch 2
PROBE = (3.0, 1.75, 0.75, 0.5, 0.25)


def begin(folder: Path, run_id: str, experiment: Experiment) -> RunFolder:
    """A run that has been measured once and taken one step."""
    run = RunFolder(run_folder(folder, run_id), experiment)
    run.open(ORIGIN)
    run.note({"kind": "point", "step": 0, "tokens": 0, "epoch": 0, "val": 3.0, "probe": 3.0})
    step = {"step": 1, "epoch": 1.0, "tokens": 100, "loss": 2.75, "learning_rate": 0.1}
    run.note({"kind": "step", "grad_norm": 0.5} | step)
    return run


def complete(folder: Path, run_id: str, experiment: Experiment) -> Record:
    """A whole run, as long as the experiment says."""
    run = begin(folder, run_id, experiment)
    last = experiment.train.epochs
    curve = tuple(Point(epoch, VAL[epoch], PROBE[epoch]) for epoch in range(last + 1))
    for point in curve[1:]:
        run.note({"kind": "point", "step": point.epoch, "tokens": 100} | point._asdict())
    record = Record(
        id=run_id,
        label=experiment.label,
        settings=experiment.model_dump(mode="json"),
        rank=4,
        curve=curve,
        summary=SUMMARY,
        verdict={"verdict": "healthy"},
    )
    run.close(record, _rows(last + 1))
    return record


def _rows(points: int) -> RowLosses:
    counts = np.full(2, 4)
    digests = np.arange(2, dtype=np.uint64)
    nats = np.ones((points, 2), np.float32)
    return RowLosses(nats, counts, np.arange(2), nats, counts, digests, digests)
