"""The trainable part: any method of the peft library, or the base model's own layers."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import torch
from peft import (
    AdaLoraConfig,
    AdaLoraModel,
    LoraConfig,
    PeftModel,
    get_peft_config,
    get_peft_model,
)
from peft import (
    PeftConfig as Method,
)
from peft.optimizers import create_loraplus_optimizer
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import PreTrainedModel

from epochwise.config import PeftConfig
from epochwise.draw import seed_for
from epochwise.model.lora import FusedLinear
from epochwise.model.sharded import is_sharded, like, put, whole

LORAPLUS = "loraplus_lr_ratio"  # an argument of the optimizer, not of peft's config
OWN_FILE = "model.safetensors"  # what is left of a training that peft has no part in
ADALORA = "adalora/"  # begins the names of what AdaLoRA keeps beside its parameters
RANK_PATTERN = f"{ADALORA}rank_pattern"


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
            model = get_peft_model(base, _method(config, total_steps, base))
    for _, parameter in trainable(model):  # memory of its own: that of `base` may be shared
        parameter.data = parameter.data.clone()
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
            fused=True,
        )
        return optimizer
    parameters = [parameter for _, parameter in trainable(model)]
    return torch.optim.AdamW(parameters, lr=learning_rate, weight_decay=weight_decay, fused=True)


def save_adapter(model: nn.Module, folder: Path) -> str:
    """Write the trained part as safetensors; returns the SHA-256 of its tensors.

    A peft method is left as plain peft reads it. FULL and LAST_LAYERS leave the trained base
    weights under their names in the base model.
    """
    weights = {name: whole(p.detach()).contiguous() for name, p in trainable(model)}
    if isinstance(model, PeftModel):
        named = weights if is_sharded(model) else None
        model.save_pretrained(str(folder), state_dict=named)
    else:
        folder.mkdir()
        save_file(weights, folder / OWN_FILE, metadata={"format": "pt"})
    return adapter_digest(model)


def adapter_digest(model: nn.Module) -> str:
    digest = hashlib.sha256()
    for name, parameter in sorted(trainable(model)):
        values: Tensor = whole(parameter.detach()).float().cpu().contiguous()
        digest.update(name.encode() + values.numpy().tobytes())
    return digest.hexdigest()


def adapter_state(model: nn.Module) -> dict[str, Tensor]:
    """All but the optimizer that training needs to go on, as copies on the CPU."""
    state = {name: _copied(parameter) for name, parameter in trainable(model)}
    adalora = _adalora(model)
    if adalora is None:
        return state
    for average, tensors in _averages(adalora).items():
        for name, tensor in tensors.items():
            state[f"{ADALORA}{average}/{name}"] = _copied(tensor)
    pattern = json.dumps(_adalora_config(adalora).rank_pattern).encode()
    return state | {RANK_PATTERN: torch.frombuffer(bytearray(pattern), dtype=torch.uint8)}


def restore_adapter(model: nn.Module, state: dict[str, Tensor]) -> None:
    """Put back what `adapter_state` gave of a model that was built alike."""
    for name, parameter in trainable(model):
        put(parameter, state[name])
    adalora = _adalora(model)
    if adalora is None:
        return
    for average, tensors in _averages(adalora).items():
        start = f"{ADALORA}{average}/"
        kept = {name: tensor for name, tensor in state.items() if name.startswith(start)}
        tensors.clear()
        for name, tensor in kept.items():
            tensors[name.removeprefix(start)] = tensor.to(adalora.model.device, copy=True)
    _adalora_config(adalora).rank_pattern = json.loads(state[RANK_PATTERN].numpy().tobytes())


def optimizer_state(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """AdamW's moments and step counts, as copies on the CPU: `GROUP.INDEX.NAME`.

    Learning rates are not among them: they are set anew before each step.
    """
    return {
        f"{place}.{name}": _copied(tensor)
        for place, parameter in _places(optimizer).items()
        for name, tensor in optimizer.state[parameter].items()
    }


def restore_optimizer(optimizer: torch.optim.Optimizer, state: dict[str, Tensor]) -> None:
    """Put back what `optimizer_state` gave of an optimizer that was built alike."""
    places = _places(optimizer)
    for key, tensor in state.items():
        place, _, name = key.rpartition(".")
        parameter = places[place]
        kept = tensor.to(parameter.device, copy=True) if name == "step" else like(parameter, tensor)
        optimizer.state[parameter][name] = kept


def _places(optimizer: torch.optim.Optimizer) -> dict[str, nn.Parameter]:
    return {
        f"{number}.{index}": parameter
        for number, group in enumerate(optimizer.param_groups)
        for index, parameter in enumerate(group["params"])
    }


def _copied(tensor: Tensor) -> Tensor:
    return whole(tensor.detach()).to("cpu", copy=True).contiguous()


def _adalora(model: nn.Module) -> AdaLoraModel | None:
    tuner = model.base_model if isinstance(model, PeftModel) else None
    return tuner if isinstance(tuner, AdaLoraModel) else None


def _averages(adalora: AdaLoraModel) -> dict[str, dict[str, Tensor]]:
    """Importance of each weight, by which ranks are given, and its averages over the steps."""
    kept = adalora.rankallocator
    return {
        "ipt": kept.ipt,
        "exp_avg_ipt": kept.exp_avg_ipt,
        "exp_avg_unc": kept.exp_avg_unc,
    }


def _adalora_config(adalora: AdaLoraModel) -> AdaLoraConfig:
    config = adalora.peft_config[adalora.trainable_adapter_name]
    assert isinstance(config, AdaLoraConfig)
    return config


def _method(config: PeftConfig, total_steps: int, base: PreTrainedModel) -> Method:
    method = get_peft_config(_arguments(config, total_steps))
    layers = [module for module in base.modules() if isinstance(module, nn.Linear)]
    # Quantised layers are children of nn.Linear, and peft has a way of its own for each.
    if config.peft_type == "LORA" and all(type(layer) is nn.Linear for layer in layers):
        assert isinstance(method, LoraConfig)
        method._register_custom_module({nn.Linear: FusedLinear})
    return method


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
