"""The frozen base model, stored as `model.weights` says, and its tokenizer."""

from pathlib import Path
from typing import Any, NamedTuple

import torch
from bitsandbytes.nn.modules import Linear4bit
from peft import prepare_model_for_kbit_training
from torch import nn
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    BitsAndBytesConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.utils.logging import disable_progress_bar

from epochwise.config import ModelConfig, Weights
from epochwise.data.template import apply
from epochwise.model.gguf import converted
from epochwise.model.location import Location, locate, weights_digest

disable_progress_bar()  # of loading weights: our own progress begins with the first step


class Pretrained(NamedTuple):
    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    fingerprint: dict[str, str]
    """What the weights were, for provenance: a content hash, or the hub's resolved revision."""


def load_pretrained(config: ModelConfig, device: torch.device) -> Pretrained:
    """A causal language model in evaluation mode. No code from the model's folder is ever run."""
    location = locate(config.path)
    if location.gguf_file:
        location = Location(str(converted(Path(location.source), location.gguf_file)))
    tokenizer = load_tokenizer(config, location)
    model = AutoModelForCausalLM.from_pretrained(
        location.source,
        revision=location.revision,
        dtype=torch.float32 if config.weights == "fp32" else torch.bfloat16,
        quantization_config=_quantization(config.weights),
        device_map={"": device},
        use_safetensors=True,
        trust_remote_code=False,
    )
    model.config.use_cache = False
    if config.weights in ("nf4", "int8"):
        model = prepare_model_for_kbit_training(model, use_gradient_checkpointing=False)
        _keep_differentiable(model)
    return Pretrained(model, tokenizer, _fingerprint(location, model))


def load_tokenizer(config: ModelConfig, location: Location) -> PreTrainedTokenizerBase:
    tokenizer = AutoTokenizer.from_pretrained(
        location.source, revision=location.revision, trust_remote_code=False
    )
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token  # padding is masked by length, never by id
    apply(tokenizer, config.template)
    return tokenizer


def _quantization(weights: Weights) -> BitsAndBytesConfig | None:
    match weights:
        case "nf4":
            return BitsAndBytesConfig(
                load_in_4bit=True,
                bnb_4bit_quant_type="nf4",
                bnb_4bit_use_double_quant=True,
                bnb_4bit_compute_dtype=torch.bfloat16,
            )
        case "int8":
            return BitsAndBytesConfig(load_in_8bit=True)
        case "bf16" | "fp32":
            return None


def _keep_differentiable(model: nn.Module) -> None:
    """Stop bitsandbytes from repacking nf4 weights for inference at the first measurement.

    On CPUs with AVX512-BF16 it does so for good, and its kernel for them has no gradient: training
    after a measurement would go on with wrong gradients and say nothing but a warning (0.50.2).
    """
    for module in model.modules():
        if isinstance(module, Linear4bit):
            module.support_avx512bf16_for_cpu = False


def _fingerprint(location: Location, model: Any) -> dict[str, str]:
    if Path(location.source).is_dir():
        return {"digest": weights_digest(Path(location.source))}
    return {"hub": location.source, "revision": str(model.config._commit_hash)}
