"""Answers to many prompts at a time: the likeliest, or drawn."""

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor
from transformers import (
    GenerationConfig,
    LogitsProcessor,
    LogitsProcessorList,
    PreTrainedTokenizerBase,
)

from epochwise.data.formats import Row
from epochwise.data.order import cut
from epochwise.data.tokens import example


class Prompt(NamedTuple):
    """What the model reads, token by token as in training, and the token that ends an answer."""

    ids: tuple[int, ...]
    end: int
    place: str
    seed: int = 0
    """Of its draws, where there are any."""


class Manner(NamedTuple):
    """How answers are asked for."""

    max_new_tokens: int
    batch_size: int
    bf16: bool
    """Arithmetic, as in training: bf16 unless the weights are fp32."""
    pads: bool = True
    """Whether a batch may hold prompts of unlike length: not where a method puts virtual tokens
    before the padding, which would then stand further from the prompt than in training."""
    temperature: float = 0.0
    """0: the likeliest token each time; else tokens are drawn, from the prompt's own seed."""


class Written(NamedTuple):
    """What a model has written after a prompt."""

    text: str
    tokens: int
    """With the one that ends it."""
    ended: bool
    """False where it was stopped at `max_new_tokens`."""


def prompt(row: Row, tokenizer: PreTrainedTokenizerBase) -> Prompt:
    """The row's tokens before the first that training scores."""
    *before, answer = row.messages
    ids, scored = example(
        row._replace(messages=(*before, answer._replace(trained=True))), tokenizer
    )
    return Prompt(tuple(ids[: int(scored.argmax())].tolist()), int(ids[-1]), row.place)


def answers(
    model: Any,
    tokenizer: PreTrainedTokenizerBase,
    prompts: Sequence[Prompt],
    *,
    manner: Manner,
    on_answers: Callable[[int], None] = lambda count: None,
) -> list[str]:
    """What the model writes after each prompt, up to an end-of-turn token or `max_new_tokens`.

    The likeliest token each time, whatever sampling the model's makers advise: the same answers
    every time. Prompts of like length go together, so that little is padded.

    Args:
        model: A causal language model, or peft's around one; its generation config is replaced.
        on_answers: Told how many have been answered with each batch.
    """
    if prompts:
        _check_room(model, prompts, manner)
    found = [""] * len(prompts)
    for batch in _batches(prompts, manner):
        made = written(model, tokenizer, [prompts[index] for index in batch], manner)
        for index, one in zip(batch, made, strict=True):
            found[index] = one.text
        on_answers(len(batch))
    return found


def _batches(prompts: Sequence[Prompt], manner: Manner) -> Iterator[Sequence[int]]:
    """Places of prompts that are answered together, the longest first."""
    order = sorted(range(len(prompts)), key=lambda index: -len(prompts[index].ids))
    if manner.pads:
        yield from cut(order, manner.batch_size)
        return
    for _, alike in groupby(order, key=lambda index: len(prompts[index].ids)):
        yield from cut(list(alike), manner.batch_size)


@torch.inference_mode()
def written(
    model: Any, tokenizer: PreTrainedTokenizerBase, prompts: Sequence[Prompt], manner: Manner
) -> list[Written]:
    """What the model writes after prompts that all go together."""
    ends = _ends(tokenizer, prompts)
    # Fields that are left out here would be filled in from the model's own config.
    model.generation_config = GenerationConfig()  # type: ignore[no-untyped-call]
    greedy = GenerationConfig(  # type: ignore[no-untyped-call]
        do_sample=False,
        num_beams=1,
        max_new_tokens=manner.max_new_tokens,
        eos_token_id=sorted(ends),
        pad_token_id=tokenizer.pad_token_id,
        use_cache=True,
    )
    ids, mask = _padded(prompts, int(tokenizer.pad_token_id or 0))
    device = model.device
    drawn = [_Drawn(prompts, manner.temperature, device)] if manner.temperature else []
    with torch.autocast(device.type, torch.bfloat16, enabled=manner.bf16):
        made = model.generate(
            input_ids=ids.to(device),
            attention_mask=mask.to(device),
            generation_config=greedy,
            logits_processor=LogitsProcessorList(drawn),
        )
    return [_written(row, ends, tokenizer) for row in made[:, ids.shape[1] :].tolist()]


class _Drawn(LogitsProcessor):
    """Scores of which the highest is a draw at a temperature (Gumbel-max, arXiv 1611.01144).

    Each row is drawn from its own seed, so that it is the same whoever is beside it.
    """

    def __init__(self, prompts: Sequence[Prompt], temperature: float, device: torch.device) -> None:
        self.temperature = temperature
        self.dice = [torch.Generator(device).manual_seed(prompt.seed) for prompt in prompts]

    def __call__(
        self,
        input_ids: Int[Tensor, "rows time"],
        scores: Float[Tensor, "rows vocab"],
    ) -> Float[Tensor, "rows vocab"]:
        noise = torch.empty_like(scores, dtype=torch.float32)
        for row, dice in zip(noise, self.dice, strict=True):
            row.exponential_(generator=dice)
        return scores.float() / self.temperature - noise.log()


def _ends(tokenizer: PreTrainedTokenizerBase, prompts: Sequence[Prompt]) -> set[int]:
    """The template's end of a turn and the model's own end of text, with which a base may stop."""
    own = [] if tokenizer.eos_token_id is None else [int(tokenizer.eos_token_id)]
    return {*(prompt.end for prompt in prompts), *own}


def _padded(
    prompts: Sequence[Prompt], pad_id: int
) -> tuple[Int[Tensor, "rows time"], Int[Tensor, "rows time"]]:
    """Ids padded on the left, so that every answer begins right after its prompt, and the mask."""
    width = max(len(prompt.ids) for prompt in prompts)
    gaps = [width - len(prompt.ids) for prompt in prompts]
    ids = [[pad_id] * gap + list(prompt.ids) for gap, prompt in zip(gaps, prompts, strict=True)]
    mask = [[0] * gap + [1] * (width - gap) for gap in gaps]
    return torch.tensor(ids), torch.tensor(mask)


def _written(ids: list[int], ends: set[int], tokenizer: PreTrainedTokenizerBase) -> Written:
    length = next((place for place, token in enumerate(ids) if token in ends), len(ids))
    text = str(tokenizer.decode(ids[:length], skip_special_tokens=True)).strip()
    ended = length < len(ids)
    return Written(text, length + ended, ended)


def _check_room(model: Any, prompts: Sequence[Prompt], manner: Manner) -> None:
    limit = model.config.max_position_embeddings
    longest = max(prompts, key=lambda prompt: len(prompt.ids))
    if len(longest.ids) + manner.max_new_tokens > limit:
        raise ValueError(
            f"{longest.place}: {len(longest.ids)} tokens of prompt and evaluate.max_new_tokens="
            f"{manner.max_new_tokens} are over the model's {limit}: lower evaluate.shots or"
            " evaluate.max_new_tokens"
        )
