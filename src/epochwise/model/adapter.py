"""The trainable part: any method of the peft library, or the base model's own layers."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import torch
from peft import PeftModel, get_peft_config, get_peft_model
from peft.optimizers import create_loraplus_optimizer
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import PreTrainedModel

from epochwise.config import PeftConfig
from epochwise.draw import seed_for

LORAPLUS = "loraplus_lr_ratio"  # an argument of the optimizer, not of peft's config


def add_adapter(
    base: PreTrainedModel, config: PeftConfig, *, seed: int, total_steps: int
) -> nn.Module:
    """`base` with its trainable part in fp32, in training mode; all else is frozen.

    Training mode is set here because from_pretrained hands over a model in evaluation mode and
    Lightning leaves modes as it finds them: dropout would be silently off.
    """
    torch.manual_seed(seed_for(seed, "adapter"))
    match config.peft_type:
        case "FULL":
            model: nn.Module = _thawed(base, base)
        case "LAST_LAYERS":
            model = _thawed(base, nn.ModuleList(_last_layers(base, config)))
        case _:
            model = get_peft_model(base, get_peft_config(_arguments(config, total_steps)))
    return model.train()


def trainable(model: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
    return ((name, p) for name, p in model.named_parameters() if p.requires_grad)


def build_optimizer(
    model: nn.Module, config: PeftConfig, *, learning_rate: float, weight_decay: float
) -> torch.optim.Optimizer:
    """AdamW over the trainable parameters; LoRA+ (2402.12354) gives B a rate of its own."""
    ratio = config.arguments.get(LORAPLUS)
    if ratio is not None:
        assert isinstance(model, PeftModel)
        optimizer: torch.optim.Optimizer = create_loraplus_optimizer(
            model,
            torch.optim.AdamW,
            lr=learning_rate,
            loraplus_lr_ratio=ratio,
            weight_decay=weight_decay,
        )
        return optimizer
    parameters = [parameter for _, parameter in trainable(model)]
    return torch.optim.AdamW(parameters, lr=learning_rate, weight_decay=weight_decay)


def save_adapter(model: nn.Module, folder: Path) -> str:
    """Write the trained part as safetensors; returns the SHA-256 of its tensors.

    A peft method is left as plain peft reads it. FULL and LAST_LAYERS leave the trained base
    weights under their names in the base model.
    """
    if isinstance(model, PeftModel):
        model.save_pretrained(str(folder))
    else:
        folder.mkdir()
        weights = {name: p.detach().contiguous() for name, p in trainable(model)}
        save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return adapter_digest(model)


def adapter_digest(model: nn.Module) -> str:
    digest = hashlib.sha256()
    for name, parameter in sorted(trainable(model)):
        values: Tensor = parameter.detach().float().cpu().contiguous()
        digest.update(name.encode() + values.numpy().tobytes())
    return digest.hexdigest()


def _arguments(config: PeftConfig, total_steps: int) -> dict[str, object]:
    arguments = {"peft_type": config.peft_type, "task_type": "CAUSAL_LM"} | config.arguments
    arguments.pop(LORAPLUS, None)
    if config.peft_type == "ADALORA":
        arguments["total_step"] = total_steps
    return arguments


def _last_layers(base: PreTrainedModel, config: PeftConfig) -> list[nn.Module]:
    layers = base.get_decoder().layers
    count = config.arguments["layers"]
    if count > len(layers):
        raise ValueError(
            f"peft.layers={count}: the base model has {len(layers)} layers; use peft=full for all"
        )
    return list(layers[-count:])


def _thawed(base: PreTrainedModel, part: nn.Module) -> PreTrainedModel:
    base.requires_grad_(False)
    part.float().requires_grad_(True)  # masters in fp32, whatever the weights are stored as
    return base
