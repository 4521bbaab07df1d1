"""`python -m epochwise.world.pretrain [NAME ...]`: make the embedded base models from nothing."""

import json
import math
import sys
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from epochwise.world import MODELS
from epochwise.world.card import write_card
from epochwise.world.corpus import stream
from epochwise.world.measure import quality
from epochwise.world.tokenizer import ASSISTANT, BOS, END, SYSTEM, USER, learn_tokenizer


class Shape(NamedTuple):
    """What tells one base model from another."""

    hidden: int
    layers: int
    feed_forward: int
    steps: int
    learning_rate: float


SHAPES = {
    # widths are multiples of 64, the block of bitsandbytes nf4
    "1m": Shape(hidden=128, layers=4, feed_forward=384, steps=2400, learning_rate=3e-3),
    "4m": Shape(hidden=256, layers=5, feed_forward=640, steps=1400, learning_rate=2e-3),
}
HEADS = 4
LENGTH = 128  # tokens of a window; longer than any row
POSITIONS = 512
BATCH = 16  # windows a step: small steps, many of them, learn most from a fixed number of tokens
WARMUP = 100  # steps
LAST_SHARE = 0.02  # of the peak learning rate, at the last step
CLIP = 1.0  # gradient norm
THREADS = 1  # fixed, because the order of sums depends on it; the models may train side by side
SEED = 0
REPORT = 100  # steps between lines of progress


def main(chosen: list[str]) -> None:
    """Train the chosen models, or all, and write the card from what was measured."""
    unknown = [name for name in chosen if name not in SHAPES]
    if unknown:
        raise SystemExit(f"got {unknown}, expected names from {list(SHAPES)}")
    for name in chosen or SHAPES:
        make(name, SHAPES[name], MODELS / name)
    write_card(MODELS)


def make(name: str, shape: Shape, folder: Path) -> None:
    """Train one model and leave weights, tokenizer and evaluation.json in its folder."""
    torch.set_num_threads(THREADS)
    torch.manual_seed(SEED)
    tokenizer = learn_tokenizer()
    model = LlamaForCausalLM(configuration(shape, tokenizer))
    started = time.monotonic()
    for step, loss in enumerate(train(model, tokenizer, shape), 1):
        if step % REPORT == 0 or step == shape.steps:
            left = (time.monotonic() - started) / step * (shape.steps - step)
            print(
                f"{name}  step {step}/{shape.steps}  loss {loss:.3f}  {left:.0f} s left", flush=True
            )
    seconds = time.monotonic() - started
    lend_embeddings(model, tokenizer)
    model.bfloat16().save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    saved = LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32)  # judged as users get it
    evaluation = {
        "parameters": saved.num_parameters(),
        "steps": shape.steps,
        "tokens": shape.steps * BATCH * LENGTH,
        "seed": SEED,
        "seconds": round(seconds),
        "learning_rate": shape.learning_rate,
        **quality(saved, tokenizer),
    }
    (folder / "evaluation.json").write_text(json.dumps(evaluation, indent=2) + "\n")


def configuration(shape: Shape, tokenizer: PreTrainedTokenizerFast) -> LlamaConfig:
    """A Llama of the given shape: an architecture that every tool can load."""
    return LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=shape.hidden,
        num_hidden_layers=shape.layers,
        intermediate_size=shape.feed_forward,
        num_attention_heads=HEADS,
        num_key_value_heads=HEADS,
        max_position_embeddings=POSITIONS,
        tie_word_embeddings=True,
        initializer_range=0.04,  # 0.02 is for widths in the thousands
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )


def train(
    model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, shape: Shape
) -> Iterator[float]:
    """The loss of each step, in nats per token, as the model learns."""
    model.train()
    matrices = [weight for weight in model.parameters() if weight.ndim == 2]
    scales = [weight for weight in model.parameters() if weight.ndim < 2]
    groups = [{"params": matrices, "weight_decay": 0.1}, {"params": scales, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=shape.learning_rate, betas=(0.9, 0.95))
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: share(step, shape.steps))
    for windows in islice(batches(tokenizer), shape.steps):
        with torch.autocast("cpu", torch.bfloat16):  # 1.6 times faster where the hardware has it
            logits = model(input_ids=windows[:, :-1]).logits
        loss = cross_entropy(logits.float().flatten(0, 1), windows[:, 1:].flatten())
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        yield loss.item()


def share(step: int, steps: int) -> float:
    """The share of the peak learning rate: a straight warm-up, then half a cosine.

    Example:
        >>> share(49, 1000), round(share(1000, 1000), 2)
        (0.5, 0.02)
    """
    if step < WARMUP:
        return (step + 1) / WARMUP
    done = (step - WARMUP) / (steps - WARMUP)
    return LAST_SHARE + (1 - LAST_SHARE) * (1 + math.cos(math.pi * done)) / 2


def batches(tokenizer: PreTrainedTokenizerFast) -> Iterator[Tensor]:
    """Windows of LENGTH + 1 tokens, cut from documents end to end; each token is predicted once."""
    texts = stream(SEED)
    ids: list[int] = []
    wanted = BATCH * LENGTH + 1
    while True:
        while len(ids) < wanted:
            many = [BOS + text + END for text in islice(texts, 500)]
            ids += [token for one in tokenizer(many)["input_ids"] for token in one]
        run = torch.tensor(ids[:wanted])
        yield run.unfold(0, LENGTH + 1, LENGTH)
        ids = ids[wanted - 1 :]


@torch.no_grad()
def lend_embeddings(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast) -> None:
    """Give chat tokens, which no document holds, the mean embedding of plain text for the same.

    Left alone they would be what training pushes unused rows to: all alike, and unlike any word.
    """
    table = model.get_parameter("model.embed_tokens.weight")  # tied: the output layer too
    for token, text in ((USER, "Question:\n"), (ASSISTANT, "Answer:\n"), (SYSTEM, BOS)):
        ids = tokenizer.encode(text)
        table[tokenizer.convert_tokens_to_ids(token)] = table[ids].mean(dim=0)


if __name__ == "__main__":
    main(sys.argv[1:])
