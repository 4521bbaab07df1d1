"""How good a base model is: loss on text it has not read, and on answers it was never taught."""

import math
from typing import NamedTuple

import torch
from torch.nn.functional import cross_entropy
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from epochwise.world.corpus import documents
from epochwise.world.generator import Row, rows
from epochwise.world.tokenizer import BOS, END

HELD_OUT_SEED = 1_000_003  # no model is trained on documents of this seed
HELD_OUT_DOCUMENTS = 1000  # gives the mean to about 1 %
ANSWER_ROWS = 200
IGNORE = -100  # the label that torch's cross-entropy leaves out
BATCH = 50  # texts; bounds memory, moves no number


class Text(NamedTuple):
    """Token ids, and how many of the first carry no loss."""

    ids: list[int]
    unjudged: int


class Loss(NamedTuple):
    """A sum and its count, so that means are taken once."""

    nats: float
    tokens: int

    @property
    def mean(self) -> float:
        """Nats per token."""
        return self.nats / self.tokens


def held_out_documents(count: int = HELD_OUT_DOCUMENTS) -> list[str]:
    """Plain text that is kept from training."""
    return documents(count, HELD_OUT_SEED)


def document(tokenizer: PreTrainedTokenizerFast, text: str) -> Text:
    """A document as base models read it; only the first token is given."""
    return Text(tokenizer.encode(BOS + text + END), 1)


def answer(tokenizer: PreTrainedTokenizerFast, row: Row) -> Text:
    """A row as a chat of one turn; the answer and the end token after it are judged."""
    asked = "\n\n".join(part for part in (row["instruction"], row["input"]) if part)
    user = {"role": "user", "content": asked}
    reply = {"role": "assistant", "content": row["output"]}
    prompt = tokenizer.apply_chat_template([user], tokenize=False, add_generation_prompt=True)
    whole = tokenizer.apply_chat_template([user, reply], tokenize=False)
    return Text(tokenizer.encode(whole), len(tokenizer.encode(prompt)))


@torch.inference_mode()
def loss(model: LlamaForCausalLM, texts: list[Text]) -> Loss:
    """Nats of every judged token given all before it, each text on its own."""
    nats, tokens = 0.0, 0
    model.eval()  # type: ignore[no-untyped-call]  # transformers leaves it so
    for start in range(0, len(texts), BATCH):
        batch = texts[start : start + BATCH]
        width = max(len(text.ids) for text in batch)
        ids = torch.tensor([text.ids + [0] * (width - len(text.ids)) for text in batch])
        labels = torch.tensor([judged(text, width) for text in batch])
        logits = (
            model(input_ids=ids).logits[:, :-1].float()
        )  # padding is to the right: nothing sees it
        targets = labels[:, 1:]
        nats += cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="sum").item()
        tokens += int((targets != IGNORE).sum())
    return Loss(nats, tokens)


def judged(text: Text, width: int) -> list[int]:
    """The ids with IGNORE where no loss is wanted."""
    padding = [IGNORE] * (width - len(text.ids))
    return [IGNORE] * text.unjudged + text.ids[text.unjudged :] + padding


def quality(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast) -> dict[str, float]:
    """The numbers of the model card.

    Bits per byte count the end token's nats but not its bytes, so tokenizers can be compared.
    """
    texts = held_out_documents()
    plain = loss(model, [document(tokenizer, text) for text in texts])
    size = sum(len(text.encode()) for text in texts)
    zero_shot = loss(model, [answer(tokenizer, row) for row in rows(ANSWER_ROWS)])
    return {
        "held_out_nats_per_token": round(plain.mean, 4),
        "held_out_bits_per_byte": round(plain.nats / math.log(2) / size, 4),
        "zero_shot_answer_nats_per_token": round(zero_shot.mean, 4),
    }
