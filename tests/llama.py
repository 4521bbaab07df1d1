"""A Llama small enough to be made on the spot, with random weights from a fixed seed, and rows."""

import torch
from transformers import LlamaConfig, LlamaForCausalLM

from epochwise.data.batch import Batch


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


def batch(ids: list[list[int]], scored_from: list[int]) -> Batch:
    longest = max(map(len, ids))
    padded = torch.tensor([row + [0] * (longest - len(row)) for row in ids])
    position = torch.arange(longest)[None]
    length = torch.tensor([[len(row)] for row in ids])
    present = position < length
    scored = present & (position >= torch.tensor(scored_from)[:, None])
    return Batch(padded, present.long(), scored, torch.arange(len(ids)))


IDS = [[3, 9, 4, 7, 2], [5, 6, 1, 8, 9, 2, 4]]
