"""Real model families in small: their chat template, their special tokens, and talk to put in."""

import json
from collections.abc import Iterator
from pathlib import Path
from random import Random
from string import printable
from typing import NamedTuple

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from epochwise.data.formats import Message, Row

HERE = Path(__file__).parent / "chat_templates"
# Llama 3's pattern: line ends stick to the signs before them, and to each other.
WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
PIECES = (
    *("word", "Paris", "is", "the", "42", "3.14", "x=y*2", "don't", "Straße", "naïve", "e\u0301"),
    *(
        "你好。",
        "日本語",
        "한국어",
        "नमस्ते",
        "שלום",
        "مرحبا",
        "Ελλάδα",
        "👩\u200d👩\u200d👧",
        "🇩🇪",
        "𝔘",
        "\u200b",
        "\ufeff",
    ),
    *(
        "{{ messages }}",
        "{% if x %}",
        "</b>",
        "<think",
        "### Response:",
        "[/INST",
        "a|b",
        "\\n",
        '"',
        "`",
    ),
    *(
        "Question: ",
        "Answer:",
        "- item",
        "```py\nf()\n```",
        "\u00a0",
        "\u2028",
        "\t",
        "\r\n",
        "\n\n",
        "\n",
        "  ",
    ),
)


class Family(NamedTuple):
    special: tuple[str, ...]
    bos: str = ""
    eos: str = ""
    system: bool = True
    all_turns: bool = True
    """Whether a conversation's earlier answers stay as they were once there are later ones."""
    tools: bool = False
    sentencepiece: bool = False
    """No splitting into words before merges, and a space in front."""


CHATML = ("<|im_start|>", "<|im_end|>")
HEADERS = ("<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>", "<|eom_id|>")
COHERE = (
    *("<|START_OF_TURN_TOKEN|>", "<|END_OF_TURN_TOKEN|>", "<|SYSTEM_TOKEN|>", "<|USER_TOKEN|>"),
    *("<|CHATBOT_TOKEN|>", "<|START_RESPONSE|>", "<|END_RESPONSE|>"),
)
PHI = ("<|system|>", "<|user|>", "<|assistant|>", "<|end|>")
HARMONY = ("<|start|>", "<|message|>", "<|channel|>", "<|end|>", "<|return|>", "<|call|>")
BEGINS, ENDS = "<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>"
DEEPSEEK = ("<｜User｜>", "<｜Assistant｜>")
FAMILIES = {
    "cohere": Family(COHERE, "<BOS_TOKEN>", "<|END_OF_TURN_TOKEN|>"),
    "cohere2": Family(COHERE, "<BOS_TOKEN>", "<|END_OF_TURN_TOKEN|>"),
    "gemma": Family(
        ("<start_of_turn>", "<end_of_turn>"), "<bos>", "<eos>", system=False, sentencepiece=True
    ),
    "gemma3": Family(("<start_of_turn>", "<end_of_turn>"), "<bos>", "<eos>", sentencepiece=True),
    "gptoss": Family(HARMONY, "", "<|return|>", all_turns=False),
    "granite3": Family(("<|start_of_role|>", "<|end_of_role|>"), "", "<|end_of_text|>"),
    "lfm2": Family(CHATML, "<|startoftext|>", "<|im_end|>"),
    "lfm2_v2": Family(CHATML, "<|startoftext|>", "<|im_end|>"),
    "llama3": Family(HEADERS, "<|begin_of_text|>", "<|eot_id|>"),
    "llama3_1": Family(HEADERS, "<|begin_of_text|>", "<|eot_id|>", tools=True),
    "llama3_2": Family(HEADERS, "<|begin_of_text|>", "<|eot_id|>", tools=True),
    "mistral": Family((), "<s>", "</s>", system=False, sentencepiece=True),
    "phi3": Family(PHI, "", "<|endoftext|>", sentencepiece=True),
    "phi3_5": Family(PHI, "", "<|endoftext|>", sentencepiece=True),
    "qwen2_5": Family(CHATML, "", "<|im_end|>", tools=True),
    "qwen3": Family(CHATML, "", "<|im_end|>", all_turns=False, tools=True),
    "qwen3_5_nothink": Family(CHATML, "", "<|im_end|>", all_turns=False),
    "qwen3_instruct_2507": Family(CHATML, "", "<|im_end|>", tools=True),
    "smollm2": Family((), "<|im_start|>", "<|im_end|>"),
    "tulu": Family((), "<|endoftext|>", "<|endoftext|>"),
    "zephyr": Family((), "", "</s>", sentencepiece=True),
}
SHIPPED = {
    "alpaca": Family((), "<s>", "</s>"),
    "chatml": Family(CHATML, "", "<|im_end|>"),
    "llama2": Family((), "<s>", "</s>", sentencepiece=True),
    "plain": Family((), "", "<|endoftext|>"),
}
THINKS = "does not begin a conversation with its own prompt"  # which begins a thought
UNTRAINABLE = {
    "deepseek_r1_distill": (Family(DEEPSEEK, BEGINS, ENDS), THINKS),
    "deepseekv3": (Family(DEEPSEEK, BEGINS, ENDS), THINKS),
    "glm4moe": (
        Family(("[gMASK]", "<sop>", *PHI[:3], "<|observation|>"), "", "<|endoftext|>"),
        "ends an answer with no end-of-turn token",
    ),
    "nemotron_3_nano": (Family(CHATML, "<s>", "<|im_end|>"), THINKS),
}


def tokenizer_of(family: Family) -> PreTrainedTokenizerFast:
    """A tokenizer with the family's special tokens, and merges learnt from the pieces."""
    tokenizer = Tokenizer(models.BPE())
    special = dict.fromkeys((*family.special, family.bos, family.eos))
    if family.sentencepiece:
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(split=False)
        tokenizer.decoder = decoders.Metaspace()
        alphabet = sorted({*"".join(PIECES), *printable, "\u2581"})
    else:
        split = pre_tokenizers.Split(Regex(WORDS), "isolated")
        byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split, byte_level])
        tokenizer.decoder = decoders.ByteLevel()
        alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=700, initial_alphabet=alphabet, show_progress=False)
    random = Random(0)
    tokenizer.train_from_iterator([text(random) for _ in range(300)], trainer)
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in special if token])
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer)
    fast.bos_token, fast.eos_token = family.bos or None, family.eos or None
    return fast


def text(random: Random) -> str:
    """Something said, with at least one letter, and anything at its ends."""
    pieces = [random.choice(PIECES) for _ in range(random.randint(1, 12))]
    pieces.insert(random.randrange(len(pieces) + 1), "so")
    return random.choice(("", " ")).join(pieces)


def rows(family: Family, count: int, seed: int) -> Iterator[Row]:
    """Conversations of 1 to 4 exchanges."""
    random = Random(seed)
    for number in range(count):
        opening = [Message("system", text(random))] * (family.system and random.random() < 0.4)
        talk = [
            Message(role, text(random))
            for _ in range(random.randint(1, 4))
            for role in ("user", "assistant")
        ]
        place = f"made row {number}"
        if family.tools and random.random() < 0.3:
            called = _calling(random)
            yield Row((*opening, *called, *talk), (DEFINITION,), place=place)
        else:
            yield Row((*opening, *talk), place=place)


DEFINITION = json.dumps(
    {
        "name": "find_weather",
        "description": "Tells it.",
        "parameters": {"type": "object", "properties": {"place": {"type": "string"}}},
    }
)


def _calling(random: Random) -> list[Message]:
    arguments = {"place": text(random)}
    call = json.dumps({"name": "find_weather", "arguments": arguments})
    return [
        Message("user", text(random)),
        Message("assistant", "", calls=(call,)),
        Message("tool", json.dumps({"seen": text(random)})),
        Message("assistant", text(random)),
    ]
