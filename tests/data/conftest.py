import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import AutoTokenizer, PreTrainedTokenizerBase, PreTrainedTokenizerFast

from epochwise.config import DataConfig
from epochwise.data.check.finding import Finding
from epochwise.data.check.report import Report, check, subject
from epochwise.data.formats import Row, exchange
from epochwise.data.template import apply
from epochwise.world import model_folder

Rows = list[dict[str, Any]]
Write = Callable[[str, Rows], Path]
Found = Callable[..., dict[str, Finding]]
CHATML_WITH_DEFAULT = (  # SmolLM2's: a system message of its own where there is none
    "{% for message in messages %}{% if loop.first and message.role != 'system' %}"
    "{{ '<|im_start|>system\nBe kind<|im_end|>\n' }}{% endif %}"
    "{{ '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
LLAMA = (  # Llama 2's: one BOS, and EOS ends a turn
    "{{ bos_token }}{% for message in messages %}"
    "{% if message.role == 'user' %}{{ '[INST] ' + message.content + ' [/INST]' }}"
    "{% elif message.role == 'system' %}{{ raise_exception('no system messages here') }}"
    "{% else %}{{ ' ' + message.content + eos_token }}{% endif %}{% endfor %}"
)


def bytes_tokenizer(*special: str, opens: bool = False) -> PreTrainedTokenizerFast:
    """One token a byte, so that every position can be counted by hand."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {letter: number for number, letter in enumerate(alphabet)}
    tokenizer = Tokenizer(models.BPE(vocabulary, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in special])
    if opens:
        bos = (special[0], tokenizer.token_to_id(special[0]))
        tokenizer.post_processor = processors.TemplateProcessing(
            single=f"{bos[0]} $A", special_tokens=[bos]
        )
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer)


@pytest.fixture
def chatml() -> PreTrainedTokenizerFast:
    tokenizer = bytes_tokenizer("<|im_start|>", "<|im_end|>")
    tokenizer.eos_token = "<|im_end|>"
    tokenizer.chat_template = CHATML_WITH_DEFAULT
    return tokenizer


@pytest.fixture
def llama() -> PreTrainedTokenizerFast:
    tokenizer = bytes_tokenizer("<s>", "</s>", opens=True)
    tokenizer.bos_token, tokenizer.eos_token = "<s>", "</s>"
    tokenizer.chat_template = LLAMA
    return tokenizer


@pytest.fixture
def base() -> PreTrainedTokenizerFast:
    tokenizer = bytes_tokenizer("<eos>")
    tokenizer.eos_token = "<eos>"
    return tokenizer


@pytest.fixture
def row() -> Callable[..., Row]:
    def made(instruction: str = "Say it", output: str = "it", **more: Any) -> Row:
        said = {name: more.pop(name) for name in ("input", "system", "history") if name in more}
        plain = exchange(instruction, output, **said)
        return plain._replace(**{"place": "made.json row 1"} | more)

    return made


@pytest.fixture
def data() -> Callable[..., DataConfig]:
    def made(**changes: object) -> DataConfig:
        plain = DataConfig(
            name="file",
            path="",
            format="alpaca",
            size=4,
            val_size=2,
            seed=0,
            max_tokens=512,
            too_long="error",
            train_on="response",
        )
        return plain.model_copy(update=changes)

    return made


@pytest.fixture(scope="session")
def tokenizer() -> PreTrainedTokenizerBase:
    made = AutoTokenizer.from_pretrained(model_folder("1m"))
    apply(made, "own")
    return made


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(name: str, rows: Rows) -> Path:
        file = tmp_path / name
        file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        return file

    return written


@pytest.fixture
def report(
    write: Write, data: Callable[..., DataConfig], tokenizer: PreTrainedTokenizerBase
) -> Callable[..., Report]:
    def made(rows: Rows, tests: Rows | None = None, **changed: Any) -> Report:
        test = write("test.jsonl", tests) if tests else None
        settings = {"path": str(write("my.jsonl", rows)), "max_tokens": 2048}
        looked_at = subject(data(**settings | changed), test)
        return check(looked_at, tokenizer, epochs=4)

    return made


@pytest.fixture
def found(report: Callable[..., Report]) -> Found:
    """Findings by name, those with nothing left out."""

    def named(rows: Rows, tests: Rows | None = None, **changed: Any) -> dict[str, Finding]:
        findings = report(rows, tests, **changed).findings
        return {finding.name: finding for finding in findings if finding.count}

    return named
