"""The frozen base model, stored as `model.weights` says, and its tokenizer."""

import copy
import gc
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import torch
from bitsandbytes.functional import QuantState
from bitsandbytes.nn.modules import Int8Params, Linear4bit, Linear8bitLt, Params4bit
from peft import prepare_model_for_kbit_training
from torch import Tensor, nn
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    BitsAndBytesConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.utils.logging import disable_progress_bar

from epochwise.config import Experiment, ModelConfig, PeftConfig, Weights
from epochwise.data.template import apply
from epochwise.model.dequantised import free_memory, keep_values
from epochwise.model.gguf import as_folder
from epochwise.model.licence import licence
from epochwise.model.location import Location, locate, weights_digest
from epochwise.model.unpadded import lay_end_to_end

disable_progress_bar()  # of loading weights: our own progress begins with the first step

# Methods that never write to a base weight. FULL and LAST_LAYERS write to copies of their own.
SPARING = {"LORA", "ADALORA", "IA3", "VERA", "OFT", "PROMPT_TUNING", "PREFIX_TUNING", "P_TUNING"}
SPARING |= {"FULL", "LAST_LAYERS"}
PLAIN = (True, False, "gaussian")  # `init_lora_weights`; others move a part out of the base weights


class Pretrained(NamedTuple):
    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    fingerprint: dict[str, str]
    """What the weights were, for provenance: a content hash, or the hub's resolved revision."""
    license: str | None
    """As its card names it; None where none is said."""


_kept: dict[tuple[Any, ...], Pretrained] = {}  # the last one: two large models would not fit


def load_pretrained(config: ModelConfig, device: torch.device) -> Pretrained:
    """A causal language model, frozen, in evaluation mode; the same object when asked for again.

    It stays as it was loaded: train a `fresh` copy. No code from the model's folder is ever run.
    """
    location = locate(config.path)
    applied = (config.template, config.thinking)
    key = (location, _stamp(location), config.weights, applied, device)
    if key not in _kept:
        _kept.clear()
        gc.collect()  # modules hold each other in cycles
        torch.cuda.empty_cache()
        _kept[key] = _loaded(config, location, device)
    return _kept[key]


def copy_for(run: Experiment, base: PreTrainedModel) -> PreTrainedModel:
    """A copy of the base model for this run, that takes rows end to end where it can."""
    model = fresh(base, run.peft)
    lay_end_to_end(model, run.peft.peft_type, longest=run.data.max_tokens)
    return model


def fresh(base: PreTrainedModel, config: PeftConfig) -> PreTrainedModel:
    """A copy of `base` that may be trained with this method, while `base` stays as it is.

    It has modules and parameters of its own, over the same memory; a method that may write to
    base weights gets a copy of them as well.
    """
    plain = config.arguments.get("init_lora_weights", True) in PLAIN
    shared = _shared(base) if plain and config.peft_type in SPARING else {}
    copied: PreTrainedModel = copy.deepcopy(base, shared)
    return copied


def load_tokenizer(config: ModelConfig, location: Location) -> PreTrainedTokenizerBase:
    tokenizer = AutoTokenizer.from_pretrained(
        location.source, revision=location.revision, trust_remote_code=False
    )
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token  # padding is masked by length, never by id
    apply(tokenizer, config.template, config.thinking)
    return tokenizer


def _loaded(config: ModelConfig, location: Location, device: torch.device) -> Pretrained:
    location = as_folder(location)
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
    model.requires_grad_(False)
    if config.weights in ("nf4", "int8"):
        model = prepare_model_for_kbit_training(model, use_gradient_checkpointing=False)
        _settle(model)
        keep_values(model, room=free_memory(device))
    return Pretrained(model, tokenizer, _fingerprint(location, model), licence(location))


def _stamp(location: Location) -> tuple[tuple[str, int, int], ...]:
    """Changes when a file of the model is written; a hub's revision is taken at its word."""
    source = Path(location.source)
    files = [source / location.gguf_file] if location.gguf_file else sorted(source.glob("*"))
    states = ((file.name, file.stat()) for file in files)
    return tuple((name, state.st_size, state.st_mtime_ns) for name, state in states)


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


def _settle(model: nn.Module) -> None:
    """Stop bitsandbytes (0.50.2) from rearranging weights at the first forward pass.

    On CPUs with AVX512-BF16 it repacks nf4 at the first measurement, for good, and its kernel for
    that has no gradient: training would go on with wrong gradients and say nothing but a warning.
    int8 weights hand their scales to their module, once: a copy made later would find none.
    """
    for module in model.modules():
        if isinstance(module, Linear4bit):
            module.support_avx512bf16_for_cpu = False
        if isinstance(module, Linear8bitLt):
            module.init_8bit_state()


def _shared(base: PreTrainedModel) -> dict[int, Any]:
    """What copy.deepcopy is told to have copied already, by id."""
    memo: dict[int, Any] = {id(tensor): tensor for tensor in _constants(base)}
    for parameter in base.parameters():
        memo[id(parameter)] = _twin(parameter, memo)
    return memo


def _constants(base: nn.Module) -> Iterator[Tensor]:
    """Tensors that are no parameters: buffers, and the scales of quantised weights."""
    yield from base.buffers()
    for parameter in base.parameters():
        if isinstance(parameter, Params4bit):
            yield from _tensors(parameter.quant_state)
    for module in base.modules():
        if isinstance(module, Linear8bitLt):
            yield from _tensors(module.state)


def _tensors(state: object) -> Iterator[Tensor]:
    for value in vars(state).values():
        if isinstance(value, Tensor):
            yield value
        if isinstance(value, QuantState):  # scales are quantised themselves
            yield from _tensors(value)


def _twin(parameter: nn.Parameter, memo: dict[int, Any]) -> nn.Parameter:
    """A parameter over the same memory: its flags, and where its data points to, are its own."""
    if isinstance(parameter, Params4bit):
        twin = copy.copy(parameter)
        twin.quant_state = copy.deepcopy(parameter.quant_state, memo)
        return twin
    if isinstance(parameter, Int8Params):
        return Int8Params(parameter.data, requires_grad=False)
    return nn.Parameter(parameter.data, requires_grad=False)


def _fingerprint(location: Location, model: Any) -> dict[str, str]:
    if Path(location.source).is_dir():
        return {"digest": weights_digest(Path(location.source))}
    return {"hub": location.source, "revision": str(model.config._commit_hash)}
