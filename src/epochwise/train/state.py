"""All that a training is at one moment: kept in memory for a branch, or on disk to be resumed."""

import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from epochwise.model.adapter import (
    adapter_state,
    optimizer_state,
    restore_adapter,
    restore_optimizer,
)
from epochwise.model.module import FineTuner
from epochwise.record import Point
from epochwise.train.checkpoint import Saved
from epochwise.train.measure import Curve

MEASURED = ("val", "probe", "general", "canaries")  # tables of a curve


class State:
    """Where a training stands. What is restored goes on bit for bit as it would have gone on."""

    def __init__(self, tuner: FineTuner, curves: dict[int, Curve]) -> None:
        """`curves`: size in rows -> what its runs have in common so far."""
        self.tuner = tuner
        self.curves = curves
        self.step = 0
        self.tokens = 0
        self._spent = 0.0
        self._since = time.monotonic()

    @property
    def seconds(self) -> float:
        """Training and measuring on the way to this state, over all attempts."""
        return self._spent + time.monotonic() - self._since

    @property
    def place(self) -> dict[str, int]:
        return {"step": self.step, "tokens": self.tokens}

    def saved(self, trajectory: str) -> Saved:
        """A copy of everything, on the CPU."""
        assert self.tuner.optimizer is not None
        tensors = _prefixed("adapter", adapter_state(self.tuner.model))
        tensors |= _prefixed("optimizer", optimizer_state(self.tuner.optimizer))
        for size, curve in self.curves.items():
            tensors |= _prefixed(f"curve.{size}", _tensors(curve))
        counters = self.place | {
            "seconds": self.seconds,
            "micro_batch_size": self.tuner.micro_batch_size,
            "skipped": self.tuner.skipped,
            "points": {
                str(size): list(map(list, curve.points)) for size, curve in self.curves.items()
            },
        }
        return Saved(self.step, trajectory, tensors, counters)

    def restore(self, saved: Saved) -> None:
        assert self.tuner.optimizer is not None
        restore_adapter(self.tuner.model, _part("adapter", saved.tensors))
        restore_optimizer(self.tuner.optimizer, _part("optimizer", saved.tensors))
        counters = saved.counters
        self.curves = {
            int(size): _curve(_part(f"curve.{size}", saved.tensors), points)
            for size, points in counters["points"].items()
        }
        self.step, self.tokens = counters["step"], counters["tokens"]
        self.tuner.micro_batch_size = counters["micro_batch_size"]
        self.tuner.skipped = counters["skipped"]
        self._spent, self._since = counters["seconds"], time.monotonic()


def _tensors(curve: Curve) -> dict[str, Tensor]:
    journal = torch.frombuffer(bytearray(curve.journal), dtype=torch.uint8)
    tables = {name: getattr(curve, name) for name in MEASURED}
    stacked = {name: torch.from_numpy(np.stack(each)) for name, each in tables.items() if each}
    return stacked | {"journal": journal}


def _curve(tensors: Mapping[str, Tensor], points: list[Any]) -> Curve:
    return Curve(
        points=[Point(*point) for point in points],
        journal=bytearray(tensors["journal"].numpy().tobytes()),
        **{name: list(tensors[name].numpy()) for name in MEASURED if name in tensors},
    )


def _prefixed(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {f"{prefix}.{name}": tensor for name, tensor in tensors.items()}


def _part(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    start = f"{prefix}."
    return {
        name.removeprefix(start): tensor
        for name, tensor in tensors.items()
        if name.startswith(start)
    }
