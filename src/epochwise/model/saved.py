"""A run's trained part, put back on its base model."""

from pathlib import Path

import torch
from peft import PeftModel
from safetensors.torch import load_file
from torch import nn
from transformers import PreTrainedModel

from epochwise.config import WHOLE_MODEL, PeftConfig
from epochwise.model.adapter import OWN_FILE, add_adapter, trainable

PEFT_FILE = "adapter_model.safetensors"


def load_adapter(base: PreTrainedModel, config: PeftConfig, folder: Path) -> nn.Module:
    """`base` as it was when `save_adapter` wrote `folder`: frozen, in evaluation mode.

    Args:
        base: A `fresh` copy, which is changed.

    Raises:
        ValueError: The weights are not there; peft would look for a pickle, or on the hub.
    """
    own = config.peft_type in WHOLE_MODEL
    file = folder / (OWN_FILE if own else PEFT_FILE)
    if not file.is_file():
        raise ValueError(f"{folder} holds no {file.name}: give a run that `epochwise train` left")
    model = _with_own_weights(base, config, file) if own else _with_peft(base, folder)
    model.requires_grad_(False)
    return model.eval()


def _with_peft(base: PreTrainedModel, folder: Path) -> nn.Module:
    device = str(base.device)
    model: nn.Module = PeftModel.from_pretrained(base, str(folder), torch_device=device)
    return model


def _with_own_weights(base: PreTrainedModel, config: PeftConfig, file: Path) -> nn.Module:
    model = add_adapter(base, config, seed=0, total_steps=1)  # neither has a say: nothing is drawn
    weights = load_file(file)
    with torch.no_grad():
        for name, parameter in trainable(model):
            parameter.copy_(weights[name])
    return model
