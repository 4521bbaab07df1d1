import warnings

import lightning as L
import pytest
import torch
from examples import example_of
from torch import Tensor

from epochwise.config import Experiment
from epochwise.data.batch import Batch, Step, steps
from epochwise.data.module import Measured, Trained

EXAMPLES = [example_of(list(range(n)), 1) for n in (2, 7, 4, 9, 3, 6, 5)]


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


def trainer() -> L.Trainer:
    return L.Trainer(
        max_epochs=1,
        accelerator="cpu",
        num_sanity_val_steps=0,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )


@pytest.fixture
def watcher(experiment: Experiment) -> Watcher:
    train = experiment.train.model_copy(update={"batch_size": 3, "seed": 4})
    model = Watcher()
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*(dataloader|DataLoader|iterable).*")
        warnings.filterwarnings("ignore", message=".*no .val_dataloader.*")
        trainer().fit(model, Trained(EXAMPLES, train, 2, 5, pad_id=0))
        splits = [Measured(EXAMPLES[:3], 2, 0), Measured(EXAMPLES[:2], 2, 0)]
        trainer().validate(model, splits, verbose=False)
    return model


def test_lightning_trains_on_the_steps_asked_for_over_the_end_of_an_epoch(watcher: Watcher) -> None:
    expected = steps(EXAMPLES, seed=4, batch_size=3, first=2, last=5, pad_id=0)
    assert [step.number for step in watcher.trained] == [2, 3, 4, 5]
    assert [step.epoch for step in watcher.trained] == [1, 1, 2, 2]
    rows = [step.batch.row.tolist() for step in watcher.trained]
    assert rows == [step.batch.row.tolist() for step in expected]


def test_lightning_measures_every_row_of_each_split_once(watcher: Watcher) -> None:
    assert watcher.measured == [(0, [1, 2]), (0, [0]), (1, [1, 0])]
