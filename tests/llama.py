"""A Llama small enough to be made on the spot, with random weights from a fixed seed."""

import torch
from transformers import LlamaConfig, LlamaForCausalLM


def tiny_llama(layers: int) -> LlamaForCausalLM:
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=50,
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=layers,
        num_attention_heads=2,
    )
    return LlamaForCausalLM(config).eval()
