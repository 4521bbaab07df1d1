"""A model as another process would load it, trained for a few steps on made-up rows."""

from typing import NamedTuple

import torch
from bitsandbytes.nn.modules import Linear4bit
from peft import prepare_model_for_kbit_training
from torch import Tensor, nn
from transformers import AutoModelForCausalLM, BitsAndBytesConfig, PreTrainedModel

from epochwise.config import PeftConfig
from epochwise.model.adapter import add_adapter, build_optimizer, trainable
from epochwise.world import model_folder

QUANTISED = {
    "fp32": None,
    "int8": BitsAndBytesConfig(load_in_8bit=True),
    "nf4": BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
    ),
}


def untouched(form: str) -> PreTrainedModel:
    model = AutoModelForCausalLM.from_pretrained(
        model_folder("1m"),
        dtype=torch.float32 if form == "fp32" else torch.bfloat16,
        quantization_config=QUANTISED[form],
        device_map="cpu",
    )
    model.config.use_cache = False
    if form != "fp32":
        prepare_model_for_kbit_training(model, use_gradient_checkpointing=False)
    for module in model.modules():
        if isinstance(module, Linear4bit):
            module.support_avx512bf16_for_cpu = False
    return model


class Learner(NamedTuple):
    model: nn.Module
    optimizer: torch.optim.Optimizer
    config: PeftConfig

    def step(self, number: int, *, bf16: bool = False) -> None:
        """One step on rows that its number decides, at a rate that falls."""
        torch.manual_seed(number)
        ids = torch.randint(5, 50, (2, 12))
        self.optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            self.model(input_ids=ids, labels=ids).loss.backward()
        for group in self.optimizer.param_groups:
            group["lr"] = group.setdefault("peak", group["lr"]) / number
        self.optimizer.step()
        if self.config.peft_type == "ADALORA":
            self.model.base_model.update_and_allocate(number)


def learner(base: PreTrainedModel, config: PeftConfig, *, steps: int) -> Learner:
    model = add_adapter(base, config, seed=0, total_steps=steps)
    optimizer = build_optimizer(model, config, learning_rate=1e-2, weight_decay=0.01)
    return Learner(model, optimizer, config)


def trained(base: PreTrainedModel, config: PeftConfig, *, bf16: bool) -> dict[str, Tensor]:
    """What two steps make of the trainable parameters."""
    made = learner(base, config, steps=2)
    for number in (1, 2):
        made.step(number, bf16=bf16)
    return learnt(made)


def learnt(made: Learner) -> dict[str, Tensor]:
    return {name: parameter.detach().clone() for name, parameter in trainable(made.model)}


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)
