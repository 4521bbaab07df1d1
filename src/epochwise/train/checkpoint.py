"""What a stopped training needs to go on: tensors and counters, in a folder that outlives faults.

CHECKPOINTS/step-00000031-ab12cd34ef56/    the step, and the beginning of its trajectory's hash
    tensors.safetensors                    adapter, optimizer moments, measured losses
    counters.json
    MANIFEST.json                          format, step, trajectory, size and SHA-256 of each file
"""

import json
import math
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import safetensors.torch
import torch

from epochwise.train import durable

TENSORS = "tensors.safetensors"
COUNTERS = "counters.json"
NOT_FINITE = "not finite"  # JSON has no word for NaN and infinity: {"not finite": "nan"}


class Saved(NamedTuple):
    """Everything after `step` optimizer steps that the next step depends on."""

    step: int
    trajectory: str
    """Hexadecimal hash of everything that led here, at least 12 digits."""
    tensors: dict[str, torch.Tensor]
    """On the CPU, in any layout; they come back contiguous."""
    counters: dict[str, Any]
    """What JSON holds: dicts with text as keys, lists, text, numbers, booleans, None."""


def save(folder: Path, saved: Saved, *, keep: Collection[str] = ()) -> Path:
    """The checkpoint's path, once it is on disk for good.

    It stays beside the one before it, and beside those whose trajectory is in `keep`: states from
    which branches still start. One that is there already is left alone, or replaced if damaged.
    One process saves in a folder at a time.

    Raises:
        OSError: It did not reach the disk, or an old one could not be removed; those that were
            there are as they were. ENOSPC says what is needed before anything is written.
        TypeError: A counter is nothing that JSON gives back as it was.
    """
    whole = {
        name: tensor.detach().clone(memory_format=torch.contiguous_format)
        for name, tensor in saved.tensors.items()
    }  # views of one storage are refused
    files = {TENSORS: safetensors.torch.save(whole), COUNTERS: _json(saved.counters)}
    return durable.save(folder, durable.State(saved.step, saved.trajectory, files), keep=keep)


def latest(
    folder: Path, trajectories: Mapping[int, str], *, note: Callable[[str], None]
) -> Saved | None:
    """The deepest checkpoint on this run's path, given as the trajectory after each step.

    Nothing is parsed before it is verified. One that is damaged, or of an unknown format, is told
    through `note` in one sentence, and the one before it is taken.
    """
    state = durable.latest(folder, trajectories, note=note)
    if state is None:
        return None
    tensors = safetensors.torch.load(state.files[TENSORS])
    counters = json.loads(state.files[COUNTERS], object_hook=_number_or_dict)
    return Saved(state.step, state.trajectory, tensors, counters)


def _json(counters: dict[str, Any]) -> bytes:
    return json.dumps(_strict(counters), indent=2, allow_nan=False).encode() + b"\n"


def _strict(value: Any) -> Any:
    """The value as strict JSON; what would not come back as it was is refused."""
    match value:
        case dict() if all(isinstance(key, str) and key != NOT_FINITE for key in value):
            return {key: _strict(item) for key, item in value.items()}
        case list():
            return [_strict(item) for item in value]
        case float() if not math.isfinite(value):
            return {NOT_FINITE: str(value)}
        case None | bool() | int() | float() | str():
            return value
    raise TypeError(f"a checkpoint's counters hold {value!r}, which JSON would not give back")


def _number_or_dict(found: dict[str, Any]) -> Any:
    return float(found[NOT_FINITE]) if found.keys() == {NOT_FINITE} else found
