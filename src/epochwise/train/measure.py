"""Every row's nats on a split, and the curve that they make."""

import json
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from typing import Any

import lightning as L
import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from epochwise.data.batch import Batch
from epochwise.data.module import NOBODY, Measured
from epochwise.data.prepare import Prepared
from epochwise.data.tokens import Example
from epochwise.model.module import FineTuner
from epochwise.record import Point, RowLosses
from epochwise.train import journal
from epochwise.train.trainer import Watch, build_trainer

Nats = Float[np.ndarray, " _"]  # one number a row of a split


class Listener(L.Callback):
    """Keeps what a validation loop computes: one array of nats a split."""

    def __init__(self, splits: Sequence[Measured]) -> None:
        # float32 is what the loss is computed in; sums over rows are taken in float64
        self.nats = [np.zeros(len(split.examples), np.float32) for split in splits]

    def on_validation_batch_end(  # noqa: PLR0913 - Lightning's signature
        self,
        trainer: L.Trainer,
        module: L.LightningModule,
        outputs: Any,
        batch: Batch,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        assert isinstance(outputs, Tensor)
        rows = batch.row.cpu().numpy()
        counts = rows != NOBODY
        self.nats[dataloader_idx][rows[counts]] = outputs.float().cpu().numpy()[counts]


def measured(tuner: FineTuner, splits: Sequence[Measured], watch: Watch) -> list[Nats]:
    """The nats of every row of each split, dropout off; the module's modes are left as they were.

    Raises:
        Stopped: Somebody asked, and nothing has been measured.
    """
    listener = Listener(splits)
    trainer = build_trainer(tuner.experiment.model.weights, listener, watch)
    trainer.validate(tuner, list(splits), verbose=False)
    sums = [torch.from_numpy(nats).to(tuner.ranks.device) for nats in listener.nats]
    tuner.ranks.sum(*sums)
    return [nats.cpu().numpy() for nats in sums]


@dataclass
class Curve:
    """What the runs of one size have in common so far: measurements, and the journal's lines."""

    points: list[Point] = field(default_factory=list)
    val: list[Nats] = field(default_factory=list)
    probe: list[Nats] = field(default_factory=list)
    journal: bytearray = field(default_factory=bytearray)

    def add(self, val: Nats, probe: Nats, data: Prepared, place: Mapping[str, int]) -> None:
        """One more point: the base model's is epoch 0. `place` is the step and tokens so far."""
        point = Point(len(self.points), _mean(val, data.val), _mean(probe, data.probe))
        self.points.append(point)
        self.val.append(val)
        self.probe.append(probe)
        self.note({"kind": "point"} | dict(place) | point._asdict())

    def note(self, row: dict[str, Any]) -> None:
        self.journal += journal.line(row)

    def carried_on(self, other: "Curve", begun: int, length: int) -> "Curve":
        """The same curve after the steps that another size has taken with it since step `begun`.

        Args:
            length: Steps of an epoch of this size.
        """
        curve = Curve(copy(self.points), copy(self.val), copy(self.probe), copy(self.journal))
        for line in other.journal.splitlines():
            row = json.loads(line)
            row.pop("crc")
            if row["kind"] != "point" and row["step"] > begun:
                epoch = {"epoch": row["step"] / length} if "epoch" in row else {}
                curve.note(row | epoch)
        return curve

    def rows(self, data: Prepared) -> RowLosses:
        return RowLosses(
            val=np.stack(self.val),
            val_tokens=_scored(data.val),
            val_source=np.asarray(data.val_group),
            probe=np.stack(self.probe),
            probe_tokens=_scored(data.probe),
            train_digest=data.train_digest,
            val_digest=data.val_digest,
        )


def _mean(nats: Nats, examples: Sequence[Example]) -> float:
    """Nats per response token."""
    return float(nats.sum(dtype=np.float64) / _scored(examples).sum())


def _scored(examples: Sequence[Example]) -> np.ndarray:
    return np.array([len(example.ids) - example.scored_from for example in examples])
