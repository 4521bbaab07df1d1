"""The Lightning Trainer, with the few arguments we mean."""

import logging
import warnings
from collections.abc import Callable
from typing import Any

import lightning as L
import torch
from lightning.fabric.plugins.environments.lightning import LightningEnvironment

from epochwise.config import Weights
from epochwise.model.module import Taken
from epochwise.model.ranks import Ranks
from epochwise.train.stop import Stop, Stopped

# Advice for setups that are not ours: batches come ready from memory, the optimizer is our own.
for _advice in (
    ".*does not have many workers.*",
    ".*could not find the .*batch size.*",
    ".*fit will run with no optimizer.*",
    ".*have no .val_dataloader.*",
):
    warnings.filterwarnings("ignore", _advice)
logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)


class Watch(L.Callback):
    """Gives a sign of life with every batch, and hears who asks it to stop."""

    def __init__(self, stop: Stop, alive: Callable[[], None], ranks: Ranks) -> None:
        self.stop = stop
        self.alive = alive
        self.ranks = ranks

    def on_train_start(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        self.stop.listen_on()

    def on_validation_start(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        self.stop.listen_on()

    def on_train_batch_start(self, *_: Any) -> None:
        self.alive()

    def on_validation_batch_start(self, *_: Any) -> None:
        self.alive()
        if self.ranks.size == 1 and self.stop.asked():  # several obey together, after a step
            raise Stopped


class Telling(L.Callback):
    """Tells of every optimizer step, after it is done."""

    def __init__(self, on_taken: Callable[[Taken], None]) -> None:
        self.on_taken = on_taken

    def on_train_batch_end(
        self,
        trainer: L.Trainer,
        module: L.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        self.on_taken(outputs["taken"])


def build_trainer(weights: Weights, *callbacks: L.Callback) -> L.Trainer:
    """Takes the steps it is given once; logs, draws and saves nothing by itself: callbacks do.

    Arithmetic is bf16 unless the weights are fp32; adapters stay in fp32 either way.
    """
    return L.Trainer(
        accelerator="auto",
        devices=1,
        plugins=LightningEnvironment(),  # Slurm's would take its signals, and its count of tasks
        precision="32-true" if weights == "fp32" else "bf16-mixed",
        max_epochs=1,
        num_sanity_val_steps=0,
        callbacks=list(callbacks),
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        deterministic="warn" if torch.cuda.is_available() else True,
    )
