"""Rows end to end cost, and teach, what they do side by side; and no layer sees padding."""

import pytest
import torch
from llama import IDS, batch, tiny_llama
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    GPT2Config,
    MambaConfig,
    PretrainedConfig,
    PreTrainedModel,
)

from epochwise.model.loss import response_nats
from epochwise.model.unpadded import is_end_to_end, lay_end_to_end

SMALL = {
    "vocab_size": 50,
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 4,
    "pad_token_id": 0,
}
KINDS = ["llama", "qwen2", "qwen3", "mistral", "phi3", "gemma3_text", "olmo2", "smollm3"]


def made(config: PretrainedConfig) -> PreTrainedModel:
    torch.manual_seed(0)
    return AutoModelForCausalLM.from_config(config, attn_implementation="sdpa").eval()


def taught(model: PreTrainedModel) -> list[torch.Tensor]:
    """Nats of two rows of unlike length, and the gradients of their sum."""
    model.zero_grad()
    nats = response_nats(model, model.get_output_embeddings(), batch(IDS, [2, 4]))
    nats.sum().backward()
    return [nats.detach(), *(p.grad.clone() for p in model.parameters() if p.grad is not None)]


@pytest.mark.parametrize("kind", KINDS)
def test_rows_end_to_end_give_the_losses_and_gradients_of_rows_side_by_side(kind: str) -> None:
    model = made(AutoConfig.for_model(kind, **SMALL))
    beside = taught(model)
    assert lay_end_to_end(model, "LORA", longest=7)
    for a, b in zip(beside, taught(model), strict=True):
        torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-4)


def test_no_layer_sees_padding() -> None:
    model = tiny_llama(layers=1)
    assert lay_end_to_end(model, "LORA", longest=7)
    seen: list[int] = []
    model.model.layers[0].mlp.register_forward_hook(
        lambda _, inputs, output: seen.append(inputs[0].shape[:2].numel())
    )
    response_nats(model, model.lm_head, batch(IDS, [2, 4]))
    assert seen == [sum(map(len, IDS))]


@pytest.mark.parametrize(
    ("config", "method", "longest"),
    [
        (AutoConfig.for_model("mistral", **SMALL, sliding_window=6), "LORA", 7),
        (AutoConfig.for_model("llama", **SMALL), "PREFIX_TUNING", 7),
        (AutoConfig.for_model("llama", **SMALL), "ADAPTION_PROMPT", 7),
        (AutoConfig.for_model("lfm2", **SMALL, layer_types=["conv", "full_attention"]), "LORA", 7),
        (MambaConfig(vocab_size=50, hidden_size=16, num_hidden_layers=1), "LORA", 7),
    ],
    ids=["a window", "tokens of its own", "attention of its own", "convolutions", "states"],
)
def test_what_would_mix_rows_keeps_them_side_by_side(
    config: PretrainedConfig, method: str, longest: int
) -> None:
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(config)
    assert not lay_end_to_end(model, method, longest=longest)
    assert not is_end_to_end(model)


def test_a_model_that_mixes_rows_and_does_not_tell_is_found_out() -> None:
    model = tiny_llama(layers=1)

    def mix(_: torch.nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor):
        return output + inputs[0].mean(dim=1, keepdim=True)

    model.model.layers[0].mlp.register_forward_hook(mix)
    assert not lay_end_to_end(model, "LORA", longest=7)
    assert not is_end_to_end(model)


def test_a_window_that_holds_every_row_is_no_hindrance() -> None:
    model = made(AutoConfig.for_model("mistral", **SMALL, sliding_window=7))
    beside = taught(model)
    assert lay_end_to_end(model, "LORA", longest=7)
    torch.testing.assert_close(beside[0], taught(model)[0], atol=1e-5, rtol=1e-4)


def test_learnt_positions_are_counted_in_each_row() -> None:
    model = made(GPT2Config(vocab_size=50, n_embd=16, n_layer=2, n_head=2, n_positions=16))
    beside = taught(model)
    assert lay_end_to_end(model, "LORA", longest=7)
    torch.testing.assert_close(beside[0], taught(model)[0], atol=1e-5, rtol=1e-4)
