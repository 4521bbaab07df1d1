import warnings

import lightning as L
import numpy as np
import pytest
import torch
from torch import Tensor

from epochwise.config import EvaluateConfig, TrainConfig
from epochwise.data.batch import Batch, Step, steps
from epochwise.data.module import Rows
from epochwise.data.prepare import Prepared
from epochwise.data.tokens import Example

TRAIN = TrainConfig(
    epochs=2,
    learning_rate=1e-3,
    batch_size=3,
    micro_batch_size=2,
    schedule="constant",
    warmup_steps=0,
    weight_decay=0.0,
    clip_norm=1.0,
    seed=4,
)
EXAMPLES = [Example(list(range(n)), 1) for n in (2, 7, 4, 9, 3, 6, 5)]


class Watcher(L.LightningModule):
    """Learns nothing, and remembers what it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.trained: list[Step] = []
        self.measured: list[tuple[int, list[int]]] = []

    def training_step(self, step: Step, index: int) -> Tensor:
        self.trained.append(step)
        return self.weight.sum()

    def validation_step(self, batch: Batch, index: int, dataloader_idx: int) -> None:
        self.measured.append((dataloader_idx, batch.row.tolist()))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)


@pytest.fixture(scope="module")
def watcher() -> Watcher:
    none = np.zeros(0, dtype=np.uint64)
    prepared = Prepared(EXAMPLES, EXAMPLES[:3], EXAMPLES[:2], [], none, none, 0, [], [])
    evaluate = EvaluateConfig(name="loss", probe_size=2, batch_size=2)
    model = Watcher()
    trainer = L.Trainer(
        max_epochs=2,
        accelerator="cpu",
        reload_dataloaders_every_n_epochs=1,
        num_sanity_val_steps=0,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*(dataloader|DataLoader|iterable).*")
        trainer.fit(model, datamodule=Rows(prepared, train=TRAIN, evaluate=evaluate, pad_id=0))
    return model


def test_lightning_trains_on_each_epochs_own_steps(watcher: Watcher) -> None:
    expected = [
        step
        for epoch in (1, 2)
        for step in steps(EXAMPLES, epoch=epoch, seed=4, batch_size=3, micro_batch_size=2, pad_id=0)
    ]
    assert [step.number for step in watcher.trained] == [1, 2, 3, 4, 5, 6]
    assert [[batch.row.tolist() for batch in step.micro] for step in watcher.trained] == [
        [batch.row.tolist() for batch in step.micro] for step in expected
    ]


def test_lightning_measures_validation_and_probe_after_each_epoch(watcher: Watcher) -> None:
    assert watcher.measured == 2 * [(0, [1, 2]), (0, [0]), (1, [1, 0])]
