"""What trackers show of a run: the same names, whichever tracker it is.

Losses stand under one word, so that a dashboard that groups by it puts val and probe together.
"""

import json
import os
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import yaml

from epochwise.config import TrackConfig
from epochwise.quality import ANSWERS
from epochwise.record import PlannedRun, Record, Study, read_json, run_folder

JSON = dict[str, Any]
AXES = ("step", "epoch", "tokens")
BY_EPOCH = ("loss/val", "loss/probe")
BY_STEP = ("loss/step", "learning_rate", "grad_norm")
NAMES = {
    "step": {"loss": "loss/step", "learning_rate": "learning_rate", "grad_norm": "grad_norm"},
    "point": {"val": "loss/val", "probe": "loss/probe"},
}
SECRET = re.compile(r"KEY|TOKEN|SECRET|PASSWORD|CREDENTIAL")  # in a variable's name
LONG_ENOUGH = 8  # characters: a shorter value is in many texts by chance
USER_IN_URL = re.compile(r"(?<=://)[^/@\s]+@")


@dataclass(frozen=True)
class Followed:
    """A run of a study, and how it is to be tracked."""

    planned: PlannedRun
    study_folder: Path
    track: TrackConfig

    @property
    def folder(self) -> Path:
        return run_folder(self.study_folder, self.planned.id)

    @property
    def group(self) -> str:
        return f"{Study.load(self.study_folder).name}/{self.study_folder.name}"

    @cached_property
    def settings(self) -> JSON:
        """config.yaml with where it came from. No secret, patch, command or package is in it."""
        settings: JSON = yaml.safe_load((self.folder / "config.yaml").read_text(encoding="utf-8"))
        origin = read_json(self.folder / "provenance.json")
        code = {key: value for key, value in origin["code"].items() if key != "patch"}
        kept = {key: origin[key] for key in ("hardware", "data", "model")} | {"code": code}
        clean: JSON = without_secrets(settings | {"provenance": kept})
        return clean

    @property
    def tags(self) -> list[str]:
        model, peft = self.settings["model"], self.settings["peft"]
        names = (model["name"], peft["name"], model["weights"], *self.track.tags)
        return list(dict.fromkeys(names))


class Tracker(Protocol):
    """Shows one run. Opening it replaces what an earlier attempt showed of the run."""

    def log(self, rows: list[JSON]) -> None:
        """More of the curve: each row as `row` names it."""

    def close(self, record: Record | None) -> None:
        """The run is whole; without a record, it stopped short."""


def row(of_journal: JSON) -> JSON:
    """A journal's row under the names that trackers show; what is not a number is left out.

    >>> row({"kind": "point", "step": 3, "epoch": 1, "tokens": 90, "val": 2.5, "probe": None})
    {'loss/val': 2.5, 'step': 3, 'epoch': 1, 'tokens': 90}
    >>> row({"kind": "end", "verdict": "healthy"})
    {}
    """
    names = NAMES.get(of_journal["kind"], {})
    found = {shown: of_journal.get(name) for name, shown in names.items()}
    numbers = {name: value for name, value in found.items() if value is not None}
    return numbers | {axis: of_journal[axis] for axis in AXES} if numbers else {}


def summary(record: Record) -> JSON:
    best = min(record.curve, key=lambda point: point.val)
    last = record.curve[-1]
    return {
        "best/val_loss": best.val,
        "best/epoch": best.epoch,
        "gap": last.val - last.probe,
        "verdict": verdict(record),
    }


def verdict(record: Record) -> str | None:
    return (record.verdict or {}).get("verdict")


def advice(record: Record) -> str:
    """The sentence that the verdict rests on."""
    reasons = (record.verdict or {}).get("reasons") or [{"advice": ""}]
    return str(reasons[0]["advice"])


def answers(folder: Path) -> list[JSON]:
    """What the run and its base answered to held-out questions; none where it was asked none."""
    path = folder / ANSWERS
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    return [json.loads(line) for line in lines]


def without_secrets(value: Any) -> Any:
    """The value with *** for the user in an address, and for values of secret variables."""
    if isinstance(value, dict):
        return {key: without_secrets(item) for key, item in value.items()}
    if isinstance(value, list):
        return [without_secrets(item) for item in value]
    if not isinstance(value, str):
        return value
    for name, secret in os.environ.items():
        if SECRET.search(name) and len(secret) >= LONG_ENOUGH:
            value = value.replace(secret, "***")
    return USER_IN_URL.sub("***@", value)
