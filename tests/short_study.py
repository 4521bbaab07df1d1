"""A study of two short runs on the world, trained in this process."""

from pathlib import Path
from typing import Any

from settings import changed

from epochwise.config import Experiment
from epochwise.experiment import run_trunk
from epochwise.record import PlannedRun, Study

SETTINGS: dict[str, Any] = {
    "data": {
        "name": "world",
        "path": "world",
        "format": "alpaca",
        "size": 24,
        "val_size": 24,
        "seed": 0,
        "max_tokens": 128,
        "too_long": "error",
        "train_on": "response",
    },
    "model": {"name": "world_1m", "path": "world:1m", "weights": "fp32", "template": "own"},
    "peft": {
        "name": "lora",
        "peft_type": "LORA",
        "r": 8,
        "lora_alpha": 32,
        "lora_dropout": 0.0,
        "target_modules": "all-linear",
    },
    "train": {
        "epochs": 1,
        "learning_rate": 1e-2,
        "batch_size": 8,
        "micro_batch_size": None,
        "schedule": "constant",
        "cooldown": 0.2,
        "warmup_steps": 0,
        "weight_decay": 0.0,
        "clip_norm": 1.0,
        "seed": 0,
        "max_skipped_steps": 0,
    },
    "evaluate": {"name": "loss", "probe_size": 8, "batch_size": 16},
}


def two_runs(folder: Path, path: str) -> Path:
    """The study's folder: runs `one` and `two` of one trunk are done, `three` is not."""
    run = changed(Experiment.model_validate(SETTINGS), {"data.path": path})
    run_trunk({"one": run, "two": changed(run, {"train.epochs": 4})}, folder)
    runs = tuple(PlannedRun(key, f"label {key}", {}, "trunk") for key in ("one", "two", "three"))
    Study("study", "", "epochwise sweep", {}, {}, runs).save(folder)
    return folder
