"""Control tokens inside texts: they end a turn, or begin one, where nobody meant it."""

import re
from collections.abc import Iterator, Sequence

from transformers import PreTrainedTokenizerBase

from epochwise.data.check.finding import Finding, Place, first_places
from epochwise.data.check.wording import Wording, texts

# Of the chat formats in wide use; which of them are real tokens depends on the tokenizer.
FOREIGN = (
    *("<|im_start|>", "<|im_end|>", "<|endoftext|>", "<|eot_id|>", "<|start_header_id|>"),
    *("<|end_header_id|>", "<|begin_of_text|>", "<|end_of_text|>", "<|eom_id|>", "[INST]"),
    *("[/INST]", "<<SYS>>", "<</SYS>>", "</s>", "<s>", "<bos>", "<eos>", "<start_of_turn>"),
    *("<end_of_turn>", "<|system|>", "<|user|>", "<|assistant|>", "<|end|>", "<|channel|>"),
    *("<|message|>", "<|start|>", "<|return|>", "<tool_call>", "</tool_call>", "<|tool_call|>"),
    *("<|User|>", "<|Assistant|>", "### Instruction:", "### Response:", "### Human:"),
    *("### Assistant:", "<|START_OF_TURN_TOKEN|>", "<|END_OF_TURN_TOKEN|>"),
)
STARTS = ("<", "[", "###")  # a text without any of them holds no marker


def special_tokens(tokenizer: PreTrainedTokenizerBase) -> list[str]:
    """Texts that this tokenizer reads as control tokens, wherever they stand."""
    added = tokenizer.added_tokens_decoder.values()
    return sorted({token.content for token in added if token.special and token.content.strip()})


def pattern(markers: Sequence[str]) -> re.Pattern[str]:
    """The longest marker first, so that none hides in another."""
    ordered = sorted(markers, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, ordered)) or r"(?!)")


def marked(rows: Sequence[Wording], markers: re.Pattern[str]) -> Iterator[tuple[int, str]]:
    """Position of each row that holds a marker, and the first one."""
    for row, each in enumerate(rows):
        for text in texts(each.row):
            if match := markers.search(text):
                yield row, match[0]
                break


def marker_findings(rows: Sequence[Wording], tokenizer: PreTrainedTokenizerBase) -> list[Finding]:
    own = special_tokens(tokenizer)
    real = list(marked(rows, pattern(own)))
    foreign = list(marked(rows, pattern([text for text in FOREIGN if text not in own])))
    return [
        Finding(
            "control_tokens",
            "error",
            len(real),
            "rows hold text that this tokenizer reads as a control token",
            "a turn would end or begin there; --fix takes the markers out",
            _places(rows, real),
            len(real) / max(1, len(rows)),
        ),
        Finding(
            "foreign_markers",
            "warning",
            len(foreign),
            "rows hold the markers of another chat format, as plain text",
            "a template was probably applied before; --fix takes the markers out",
            _places(rows, foreign),
            len(foreign) / max(1, len(rows)),
        ),
    ]


def _places(rows: Sequence[Wording], found: Sequence[tuple[int, str]]) -> tuple[str, ...]:
    return first_places(Place(rows[row].place, marker) for row, marker in found)
