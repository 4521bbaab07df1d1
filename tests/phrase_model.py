"""A real model and tokenizer made on the spot that say whole phrases, each as likely as we set."""

from collections.abc import Mapping
from pathlib import Path

import torch
from tokenizers import AddedToken, Tokenizer
from tokenizers.decoders import Fuse
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

USER, ASSISTANT, END = "<|user|>", "<|assistant|>", "<|end|>"
TEMPLATE = (
    "{% for message in messages %}<|{{ message.role }}|> {{ message.content }} <|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
NEVER = -100.0  # a logit


def save(
    folder: Path, chances: Mapping[str, Mapping[str, float]], *, template: str | None = TEMPLATE
) -> Path:
    """The folder of a model that says phrases, each by its chance after the one before it.

    Args:
        chances: Logits; the first phrase comes after ASSISTANT, END ends a reply.
    """
    phrases = [phrase for before, follow in chances.items() for phrase in (before, *follow)]
    names = [*dict.fromkeys(["[UNK]", USER, ASSISTANT, END, *phrases])]
    _tokenizer(names, template).save_pretrained(folder)
    _model(names, chances).save_pretrained(folder)
    return folder


def _tokenizer(names: list[str], template: str | None) -> PreTrainedTokenizerFast:
    words = Tokenizer(WordLevel({name: n for n, name in enumerate(names)}, unk_token="[UNK]"))
    words.pre_tokenizer, words.decoder = WhitespaceSplit(), Fuse()
    words.add_special_tokens([AddedToken(name) for name in (USER, ASSISTANT, END)])
    made = PreTrainedTokenizerFast(tokenizer_object=words, eos_token=END, unk_token="[UNK]")
    made.chat_template = template
    return made


def _model(names: list[str], chances: Mapping[str, Mapping[str, float]]) -> LlamaForCausalLM:
    """What comes next depends on the last token alone: the layer adds nothing to it."""
    size = 2 * -(-len(names) // 2)
    config = LlamaConfig(
        vocab_size=len(names),
        hidden_size=size,
        intermediate_size=4,
        num_hidden_layers=1,
        num_attention_heads=1,
        max_position_embeddings=2048,
        tie_word_embeddings=False,
    )
    model = LlamaForCausalLM(config)
    layer, head = model.model.layers[0], torch.full((len(names), size), NEVER)
    with torch.no_grad():
        layer.self_attn.o_proj.weight.zero_()
        layer.mlp.down_proj.weight.zero_()
        model.model.embed_tokens.weight.copy_(torch.eye(len(names), size))
        for before, follow in chances.items():
            for phrase, logit in follow.items():
                head[names.index(phrase), names.index(before)] = logit
        model.lm_head.weight.copy_(head / size**0.5)  # the norm makes sqrt(size) of a one
    return model
