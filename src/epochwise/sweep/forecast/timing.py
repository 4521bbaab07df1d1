"""What the parts of a training take on this machine, kept from plan to plan."""

import hashlib
import json
import logging
import os
import platform
import shutil
import subprocess
from collections.abc import Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from epochwise.cache import cache_folder
from epochwise.record import read_json, write_json
from epochwise.sweep.slots import Slot

PACKAGE = Path(__file__).parents[2]
CODE = (
    "config.py",
    "draw.py",
    "experiment.py",
    "data",
    "model",
    "train",
    "sweep/forecast/stopwatch.py",
    "sweep/forecast/timing.py",
)
LIBRARIES = ("torch", "transformers", "peft", "bitsandbytes", "lightning", "tokenizers")
log = logging.getLogger(__name__)


STATES = 3  # of an adapter in what is kept: its weights and AdamW's two moments


class Timing(NamedTuple):
    """Of one shape. A step of n tokens takes `step + n * step_token` seconds; so a batch of
    a measurement.
    """

    load: float
    """Once a worker: the base model, and what goes faster the second time."""
    begin: float
    """Once a trunk: adapter, optimizer, rows."""
    fit: float
    """Once a stretch between two measurements."""
    step: float
    step_token: float
    measure: float
    """Once a measurement."""
    batch: float
    batch_token: float
    leave: float
    """Once a run: its adapter, record and verdict."""
    keep: float
    """Once a checkpoint."""
    peak_memory: float
    run_bytes: float
    """Left by a run, its journal aside."""
    point_bytes: float
    """Left for each epoch of a run."""
    line_bytes: float
    """Of the journal, left for each step of a run."""
    keep_bytes: float
    adapter_bytes: float = 0.0
    """In each of these."""

    def of_rank(self, ratio: float) -> "Timing":
        """Of an adapter of so many times the rank: that changes its room, and hardly the time."""
        more = self.adapter_bytes * (ratio - 1)
        return self._replace(
            run_bytes=self.run_bytes + more,
            keep_bytes=self.keep_bytes + STATES * more,
            adapter_bytes=self.adapter_bytes + more,
        )

    def scaled(self, factor: float) -> "Timing":
        """For a base model that is larger by this factor: times and sizes, by rule of thumb."""
        return Timing(*(number * factor for number in self))


def mean(timings: Sequence[Timing]) -> Timing:
    return Timing(*(sum(numbers) / len(timings) for numbers in zip(*timings, strict=True)))


def between(low: Timing, high: Timing, share: float) -> Timing:
    """On the line from `low` to `high`."""
    return Timing(*(a + share * (b - a) for a, b in zip(low, high, strict=True)))


def entry(*content: Any) -> Path:
    """Where what was measured of `content` is kept, for this machine, code and libraries."""
    facts = json.dumps([machine(), code(), content], sort_keys=True)
    key = hashlib.sha256(facts.encode()).hexdigest()[:32]
    return cache_folder() / "timings" / f"{key}.json"


def kept(file: Path) -> Any:
    """What was kept there; None where nothing was."""
    try:
        return read_json(file)
    except (FileNotFoundError, json.JSONDecodeError):  # a half file of another program's
        return None


def keep(file: Path, found: Any) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_json(file, found)
    except OSError as error:
        log.warning("timings are not kept, every plan measures them anew: %s", error)


def conditions(slots: Sequence[Slot]) -> list[int]:
    """How much of the machine each worker has."""
    return [len(slots), slots[0].threads, len({slot.device for slot in slots})]


@cache
def machine() -> list[str]:
    """Processor and accelerators, by name; without loading torch."""
    return [platform.machine(), _processor(), str(os.cpu_count()), _accelerators()]


@cache
def code() -> list[str]:
    files = [
        file
        for part in CODE
        for file in ([PACKAGE / part] if part.endswith(".py") else (PACKAGE / part).rglob("*.py"))
    ]
    content = b"".join(file.read_bytes() for file in sorted(files))
    versions = [version(name) for name in LIBRARIES]
    return [hashlib.sha256(content).hexdigest(), platform.python_version(), *versions]


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if not cpuinfo.is_file():
        return platform.processor()
    lines = cpuinfo.read_text(encoding="utf-8").splitlines()
    return next((line for line in lines if line.startswith("model name")), platform.processor())


def _accelerators() -> str:
    """As the driver lists them, and which of them we may use."""
    if shutil.which("nvidia-smi") is None:
        return ""
    listing = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, check=False)
    return f"{listing.stdout} {os.environ.get('CUDA_VISIBLE_DEVICES')}"
