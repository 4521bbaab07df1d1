"""The data as Lightning wants it: steps to train on, batches to measure on."""

from collections.abc import Iterator
from dataclasses import dataclass

import lightning as L

from epochwise.config import EvaluateConfig, TrainConfig
from epochwise.data.batch import Batch, Step, batches, steps, steps_per_epoch
from epochwise.data.prepare import Prepared
from epochwise.data.tokens import Example


@dataclass(frozen=True)
class Epoch:
    """The optimizer steps of one epoch, each made when it is asked for."""

    examples: list[Example]
    config: TrainConfig
    number: int
    """From 1."""
    pad_id: int

    def __len__(self) -> int:
        return steps_per_epoch(len(self.examples), self.config.batch_size)

    def __iter__(self) -> Iterator[Step]:
        return steps(
            self.examples,
            epoch=self.number,
            seed=self.config.seed,
            batch_size=self.config.batch_size,
            micro_batch_size=self.config.micro_batch_size or self.config.batch_size,
            pad_id=self.pad_id,
        )


@dataclass(frozen=True)
class Measured:
    """Every row of a split once, in batches of rows of like length."""

    examples: list[Example]
    batch_size: int
    pad_id: int

    def __len__(self) -> int:
        return steps_per_epoch(len(self.examples), self.batch_size)

    def __iter__(self) -> Iterator[Batch]:
        return batches(self.examples, batch_size=self.batch_size, pad_id=self.pad_id)


class Rows(L.LightningDataModule):
    """Training steps, and the two splits that are measured: 0 is validation, 1 the probe.

    The trainer reloads every epoch (`reload_dataloaders_every_n_epochs=1`), as each has its order.
    """

    def __init__(
        self,
        prepared: Prepared,
        *,
        train: TrainConfig,
        evaluate: EvaluateConfig,
        pad_id: int,
    ) -> None:
        super().__init__()
        self.prepared = prepared
        self.train = train
        self.evaluate = evaluate
        self.pad_id = pad_id

    def train_dataloader(self) -> Epoch:
        assert self.trainer is not None
        number = self.trainer.current_epoch + 1
        return Epoch(self.prepared.train, self.train, number, self.pad_id)

    def val_dataloader(self) -> list[Measured]:
        return [
            Measured(examples, self.evaluate.batch_size, self.pad_id)
            for examples in (self.prepared.val, self.prepared.probe)
        ]
