"""The curve of a trunk: every row's nats at epoch 0 and after each epoch."""

from collections.abc import Callable
from typing import Any

import lightning as L
import numpy as np
from jaxtyping import Float
from torch import Tensor

from epochwise.data.batch import Batch
from epochwise.data.prepare import Prepared
from epochwise.model.module import FineTuner, Taken
from epochwise.record import Point, RowLosses

Nats = Float[np.ndarray, " rows"]


class Recorder(L.Callback):
    """Listens to steps and measurements; the base, measured before fit, is epoch 0."""

    def __init__(
        self,
        data: Prepared,
        *,
        on_taken: Callable[[Taken], None],
        on_point: Callable[[FineTuner, Point], None],
    ) -> None:
        self.data = data
        self.on_taken = on_taken
        self.on_point = on_point
        self.curve: list[Point] = []
        self._measured: list[tuple[Nats, Nats]] = []
        self._tokens = (_scored(data.val), _scored(data.probe))

    def rows(self) -> RowLosses:
        """What has been measured so far; `points` equals the length of the curve."""
        val, probe = (np.stack(split) for split in zip(*self._measured, strict=True))
        return RowLosses(
            val=val,
            val_tokens=self._tokens[0],
            val_source=np.asarray(self.data.val_group),
            probe=probe,
            probe_tokens=self._tokens[1],
            train_digest=self.data.train_digest,
            val_digest=self.data.val_digest,
        )

    def on_train_batch_end(
        self,
        trainer: L.Trainer,
        module: L.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        self.on_taken(outputs["taken"])

    def on_validation_epoch_start(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        # float32 is what the loss is computed in; sums over rows are taken in float64
        empty = (np.full(len(tokens), np.nan, np.float32) for tokens in self._tokens)
        self._measured.append((next(empty), next(empty)))

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
        self._measured[-1][dataloader_idx][batch.row.cpu().numpy()] = outputs.float().cpu().numpy()

    def on_validation_epoch_end(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        means = (
            float(nats.sum(dtype=np.float64) / tokens.sum())
            for nats, tokens in zip(self._measured[-1], self._tokens, strict=True)
        )
        point = Point(len(self.curve), next(means), next(means))
        self.curve.append(point)
        assert isinstance(module, FineTuner)
        self.on_point(module, point)


def _scored(examples: list[Any]) -> np.ndarray:
    return np.array([len(example.ids) - example.scored_from for example in examples])
