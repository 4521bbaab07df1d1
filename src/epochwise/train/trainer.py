"""The Lightning Trainer, with the few arguments we mean."""

import logging
import warnings

import lightning as L
import torch

from epochwise.config import TrainConfig, Weights

# Advice for setups that are not ours: batches come ready from memory, in the module's own mode.
for _advice in (".*does not have many workers.*", ".*could not find the .*batch size.*"):
    warnings.filterwarnings("ignore", _advice)
logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)


def build_trainer(train: TrainConfig, weights: Weights, callback: L.Callback) -> L.Trainer:
    """Measures after each epoch; logs, draws and saves nothing by itself: `callback` does.

    Arithmetic is bf16 unless the weights are fp32; adapters stay in fp32 either way.
    """
    return L.Trainer(
        accelerator="auto",
        devices=1,
        precision="32-true" if weights == "fp32" else "bf16-mixed",
        max_epochs=train.epochs,
        reload_dataloaders_every_n_epochs=1,  # the order of rows is a function of the epoch
        num_sanity_val_steps=0,  # it would write a point
        callbacks=[callback],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        deterministic="warn" if torch.cuda.is_available() else True,
    )
