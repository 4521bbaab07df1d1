"""What a run and a study leave behind. Training writes it; diagnosis and reports read nothing else.

Losses are nats per response token, sizes are rows, times seconds, memory GiB.
"""

import json
import math
import os
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int, UInt64

JSON = dict[str, Any]


class Point(NamedTuple):
    """Mean losses after `epoch` epochs; epoch 0 is the untuned base model."""

    epoch: int
    val: float
    probe: float


class Tick(NamedTuple):
    """How far a trunk is, its branches included: `step` of `steps` optimizer steps are done."""

    step: int
    steps: int
    loss: float | None
    """Of the last step; None where it was not finite."""
    val: float | None = None
    """Measured last."""


@dataclass(frozen=True)
class Summary:
    """What a run cost, counted as if it had run alone."""

    steps: int
    tokens: int
    """Prompt and response tokens trained on, over all epochs."""
    seconds: float
    """Training and measuring, without loading."""
    peak_memory: float
    trainable_parameters: int
    adapter_digest: str
    """SHA-256 of the trained weights."""
    dropped_rows: int
    """Rows over data.max_tokens that were left out."""
    micro_batch_size: int
    """Rows in one forward pass at the end: halved each time that memory ran out."""
    skipped_steps: int
    """Steps left out because their loss or gradient was not finite."""
    truncated_rows: int = 0
    """Rows in use without the beginning of their prompt, as they were over data.max_tokens."""
    split_rows: int = 0
    """Rows in use that are part of a longer one."""


@dataclass(frozen=True)
class Record:
    """One run: its settings, its curve, what it cost, and what its curve says."""

    id: str
    label: str
    settings: JSON
    """The experiment, as config.yaml has it: groups data, model, peft, train, evaluate."""
    rank: int | None
    curve: tuple[Point, ...]
    summary: Summary
    verdict: JSON | None = None
    sources: dict[str, list[float | None]] = field(default_factory=dict)
    """Of a mixture, the validation loss of each source at every point of the curve."""

    def save(self, path: Path) -> None:
        write_json(path, asdict(self) | {"curve": [point._asdict() for point in self.curve]})

    @classmethod
    def load(cls, path: Path) -> "Record":
        fields = read_json(path)
        curve = tuple(
            Point(p["epoch"], _number(p["val"]), _number(p["probe"])) for p in fields.pop("curve")
        )
        return cls(**fields | {"curve": curve, "summary": Summary(**fields["summary"])})


@dataclass(frozen=True)
class RowLosses:
    """Nats summed over each row's response, at epoch 0 (base) and after each epoch."""

    val: Float[np.ndarray, "points rows"]
    val_tokens: Int[np.ndarray, " rows"]
    val_source: Int[np.ndarray, " rows"]
    """Rows from one source passage share a number: they are not independent."""
    probe: Float[np.ndarray, "points probes"]
    probe_tokens: Int[np.ndarray, " probes"]
    train_digest: UInt64[np.ndarray, " train"]
    """One hash a training row, in the order of the subset, so that a changed row can be named."""
    val_digest: UInt64[np.ndarray, " rows"]
    # None where it was not measured:
    probe_source: Int[np.ndarray, " probes"] | None = None
    val_correct: Int[np.ndarray, "points rows"] | None = None
    """Response tokens that were the most likely ones, given all true ones before."""
    probe_correct: Int[np.ndarray, "points probes"] | None = None
    temperatures: Float[np.ndarray, " temperatures"] | None = None
    val_tempered: Float[np.ndarray, "points temperatures rows"] | None = None
    """Nats of the validation rows with all scores divided by each temperature."""
    general: Float[np.ndarray, "points documents"] | None = None
    """Nats of texts that have nothing to do with the rows."""
    general_tokens: Int[np.ndarray, " documents"] | None = None
    canaries: Float[np.ndarray, "points secrets"] | None = None
    """Nats of the codes of planted secrets, and of others like them."""
    canary_repeats: Int[np.ndarray, " secrets"] | None = None
    """How often each stands among the training rows; 0 for those that were never planted."""

    def save(self, path: Path) -> None:
        measured = {name: array for name, array in vars(self).items() if array is not None}
        with path.open("wb") as file:
            np.savez_compressed(file, **measured)

    @classmethod
    def load(cls, path: Path) -> "RowLosses":
        with np.load(path, allow_pickle=False) as arrays:
            kept = {name: arrays[name] for name in arrays.files}
        return cls(**kept)


@dataclass(frozen=True)
class PlannedRun:
    id: str
    label: str
    overrides: dict[str, Any]
    """The values of the study's axes."""
    trunk: str
    """Runs of one trunk share all training up to their exits."""


@dataclass(frozen=True)
class Study:
    """study.json: what was asked, written before anything runs."""

    name: str
    question: str
    command: str
    axes: dict[str, list[Any]]
    """Dotted config key -> its values, for the keys that differ between runs."""
    settings: dict[str, Any]
    """Dotted config key -> value, for the keys that all runs share."""
    runs: tuple[PlannedRun, ...]
    versions: dict[str, str] = field(default_factory=dict)
    skipped: tuple[str, ...] = ()
    """Why runs that were asked for are not among `runs`."""
    estimate: JSON | None = None
    """What the last command foresaw for the runs it had to train."""
    outcome: JSON | None = None
    """What these took, by the same names; None unless all of them were done."""
    report: JSON = field(default_factory=dict)
    """How it is told: the last command's settings `report.*`."""

    def save(self, folder: Path) -> None:
        write_json(folder / "study.json", asdict(self))

    @classmethod
    def load(cls, folder: Path) -> "Study":
        fields = read_json(folder / "study.json")
        runs = tuple(PlannedRun(**run) for run in fields.pop("runs"))
        return cls(**fields | {"runs": runs, "skipped": tuple(fields["skipped"])})


def run_folder(study_folder: Path, run_id: str) -> Path:
    return study_folder / "runs" / run_id


def is_done(folder: Path) -> bool:
    """DONE is written last: without it a run is not done, whatever its exit status was."""
    return (folder / "DONE").is_file()


def finished(study_folder: Path) -> list[Record]:
    """The records of the study's finished runs, in its order and by the names that it has for them.

    A run knows not what differs between it and the others; its study does.
    """
    planned = [(run, run_folder(study_folder, run.id)) for run in Study.load(study_folder).runs]
    return [
        replace(Record.load(folder / "record.json"), label=run.label)
        for run, folder in planned
        if is_done(folder)
    ]


def write_json(path: Path, value: Any) -> None:
    """Strict JSON, published by one rename: a reader never sees half a file. NaN becomes null."""
    text = json.dumps(finite(value), indent=2, ensure_ascii=False, allow_nan=False)
    partial = path.with_name(f".{path.name}.partial")
    with partial.open("w", encoding="utf-8") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def flat(tree: JSON, prefix: str = "") -> JSON:
    """Dotted keys of a nested mapping.

    >>> flat({"train": {"epochs": 3}})
    {'train.epochs': 3}
    """
    leaves: JSON = {}
    for key, value in tree.items():
        nested = isinstance(value, dict) and value
        leaves |= flat(value, f"{prefix}{key}.") if nested else {prefix + key: value}
    return leaves


def finite(value: Any) -> Any:
    """The value with None for every number that JSON has no word for."""
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _number(value: float | None) -> float:
    return math.nan if value is None else value
