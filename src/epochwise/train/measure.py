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
from epochwise.diagnose.trace import Trace
from epochwise.model.module import FineTuner
from epochwise.record import Point, RowLosses
from epochwise.train import journal
from epochwise.train.trainer import Watch, build_trainer

# Of each row of a split: nats, tokens that were the most likely ones, nats at each temperature
Table = Float[np.ndarray, "_ _"]
NATS, CORRECT, TEMPERED = 0, 1, 2
# A fine enough grid for one best temperature: a loss changes little between two of them.
TEMPERATURES = tuple(2 ** (k / 4) for k in (-3, -2, -1, 1, 2, 3, 4, 6, 8))


class Listener(L.Callback):
    """Keeps what a validation loop computes: one table a split."""

    def __init__(self, splits: Sequence[Measured]) -> None:
        # float32 is what the loss is computed in; sums over rows are taken in float64
        self.tables = [
            np.zeros((len(split.examples), TEMPERED + len(split.temperatures)), np.float32)
            for split in splits
        ]

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
        self.tables[dataloader_idx][rows[counts]] = outputs.float().cpu().numpy()[counts]


def measured(tuner: FineTuner, splits: Sequence[Measured], watch: Watch) -> list[Table]:
    """What is measured of every row of each split, dropout off; modes are left as they were.

    Raises:
        Stopped: Somebody asked, and nothing has been measured.
    """
    listener = Listener(splits)
    tuner.temperatures = [split.temperatures for split in splits]
    trainer = build_trainer(tuner.experiment.model.weights, listener, watch)
    trainer.validate(tuner, list(splits), verbose=False)
    sums = [torch.from_numpy(table).to(tuner.ranks.device) for table in listener.tables]
    tuner.ranks.sum(*sums)
    return [table.cpu().numpy() for table in sums]


@dataclass
class Curve:
    """What the runs of one size have in common so far: measurements, and the journal's lines."""

    points: list[Point] = field(default_factory=list)
    val: list[Table] = field(default_factory=list)
    probe: list[Table] = field(default_factory=list)
    general: list[Table] = field(default_factory=list)
    """Empty where no general texts are measured."""
    canaries: list[Table] = field(default_factory=list)
    """Empty where none are planted."""
    journal: bytearray = field(default_factory=bytearray)

    def add(self, tables: Sequence[Table], data: Prepared, place: Mapping[str, int]) -> None:
        """One more point: the base model's is epoch 0. `place` is the step and tokens so far."""
        val, probe, *others = tables
        point = Point(len(self.points), _mean(val, data.val), _mean(probe, data.probe))
        self.points.append(point)
        self.val.append(val)
        self.probe.append(probe)
        self.general += others[: bool(data.general)]
        self.canaries += others[bool(data.general) :]
        self.note({"kind": "point"} | dict(place) | point._asdict())

    def note(self, row: dict[str, Any]) -> None:
        self.journal += journal.line(row)

    def carried_on(self, other: "Curve", begun: int, length: int) -> "Curve":
        """The same curve after the steps that another size has taken with it since step `begun`.

        Args:
            length: Steps of an epoch of this size.
        """
        curve = Curve(*(copy(kept) for kept in vars(self).values()))
        for line in other.journal.splitlines():
            row = json.loads(line)
            row.pop("crc")
            if row["kind"] != "point" and row["step"] > begun:
                epoch = {"epoch": row["step"] / length} if "epoch" in row else {}
                curve.note(row | epoch)
        return curve

    def steps(self) -> Trace:
        """The loss of each training step, at its epoch."""
        lines = (json.loads(line) for line in self.journal.splitlines())
        taken = [
            (line["epoch"], line["loss"])
            for line in lines
            if line["kind"] == "step" and line["loss"] is not None
        ]
        at, losses = np.array(taken, dtype=float).reshape(-1, 2).T
        return Trace(at, losses)

    def of_sources(self, data: Prepared) -> dict[str, list[float | None]]:
        """Of a mixture, the validation loss of each source at every point; None without a row."""
        return {
            name: [_mean(table[rows], [data.val[row] for row in rows]) for table in self.val]
            if rows
            else [None] * len(self.val)
            for name, rows in data.val_origin.items()
        }

    def rows(self, data: Prepared) -> RowLosses:
        val, probe = np.stack(self.val), np.stack(self.probe)
        return RowLosses(
            val=val[..., NATS],
            val_tokens=_scored(data.val),
            val_source=np.asarray(data.val_group),
            probe=probe[..., NATS],
            probe_tokens=_scored(data.probe),
            train_digest=data.train_digest,
            val_digest=data.val_digest,
            probe_source=np.asarray(data.probe_group),
            val_correct=val[..., CORRECT].astype(np.int32),
            probe_correct=probe[..., CORRECT].astype(np.int32),
            temperatures=np.array(TEMPERATURES),
            val_tempered=np.swapaxes(val[..., TEMPERED:], 1, 2),
            general=np.stack(self.general)[..., NATS] if self.general else None,
            general_tokens=_scored(data.general) if self.general else None,
            canaries=np.stack(self.canaries)[..., NATS] if self.canaries else None,
            canary_repeats=np.array(data.canaries.repeats) if self.canaries else None,
        )


def _mean(table: Table, examples: Sequence[Example]) -> float:
    """Nats per response token."""
    return float(table[:, NATS].sum(dtype=np.float64) / _scored(examples).sum())


def _scored(examples: Sequence[Example]) -> np.ndarray:
    return np.array([example.tokens for example in examples])
