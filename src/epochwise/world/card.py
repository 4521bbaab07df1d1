"""The model card, written from what was measured."""

import json
from pathlib import Path

CARD = """---
license: apache-2.0
language: en
library_name: transformers
---

# The embedded base models

Two tiny Llama models, trained from nothing on text about an invented world, so that epochwise can
show a whole study without a hub, a key or a GPU. This file is written by the command that makes the
models; do not edit it.

## How they were made

`python -m epochwise.world.pretrain` on a CPU, one core a model, in bf16 arithmetic on fp32 weights,
with AdamW and a cosine schedule; each document is read once, as `<|bos|>text<|end|>`, packed. The
text comes from `epochwise.world.corpus` (seed {seed}) and shares no name with any row of
`epochwise.world.generator`. Weights are stored in bf16.

{made}

The chat tokens `<|user|>`, `<|assistant|>` and `<|system|>` were never trained: they start as the
mean embeddings of "Question:", "Answer:" and `<|bos|>`. Learning the chat format is part of
fine-tuning.

## How good they are

{good}

Held-out text: 1,000 documents of another seed. Answers: of `rows(200)`, before any fine-tuning,
counted from the first token of the answer to the `<|end|>` after it.

## What they are for

For showing and testing fine-tuning: what epochs, data size and rank do to a loss curve. They are
**not** for use as language models: they know nothing of the real world, and only a few hundred
words.

## Licence

Apache-2.0. Weights, tokenizer and text are all made by this repository; no outside data went in.
"""


def write_card(models: Path) -> None:
    """Write README.md beside the model folders, from the evaluation.json in each."""
    found = {
        path.parent.name: json.loads(path.read_text())
        for path in sorted(models.glob("*/evaluation.json"))
    }
    made = table(found, ("parameters", "steps", "tokens", "learning_rate", "seed", "seconds"))
    good = table(
        found,
        ("held_out_nats_per_token", "held_out_bits_per_byte", "zero_shot_answer_nats_per_token"),
    )
    seed = next(iter(found.values()))["seed"]
    text = CARD.format(made=made, good=good, seed=seed)
    (models / "README.md").write_text(text)


def table(found: dict[str, dict[str, int | float]], columns: tuple[str, ...]) -> str:
    """A Markdown table with a row for each model."""
    lines = [("model", *(column.replace("_", " ") for column in columns))]
    lines.append(("---",) * len(lines[0]))
    lines += [(name, *(f"{one[column]:,}" for column in columns)) for name, one in found.items()]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
