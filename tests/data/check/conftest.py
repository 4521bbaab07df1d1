import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from epochwise.config import DataConfig
from epochwise.data.check.finding import Finding
from epochwise.data.check.report import Report, check, subject
from epochwise.data.template import apply
from epochwise.world import model_folder

Rows = list[dict[str, Any]]
Write = Callable[[str, Rows], Path]
Found = Callable[..., dict[str, Finding]]


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


@pytest.fixture(scope="session")
def data() -> Callable[..., DataConfig]:
    return _data


def _data(file: Path, **changed: Any) -> DataConfig:
    settings = {
        "name": "file",
        "path": str(file),
        "format": "alpaca",
        "size": 4,
        "val_size": 2,
        "seed": 0,
        "max_tokens": 2048,
        "too_long": "error",
        "train_on": "response",
    }
    return DataConfig(**(settings | changed))


@pytest.fixture
def report(write: Write, tokenizer: PreTrainedTokenizerBase) -> Callable[..., Report]:
    def made(rows: Rows, tests: Rows | None = None, **changed: Any) -> Report:
        test = write("test.jsonl", tests) if tests else None
        looked_at = subject(_data(write("my.jsonl", rows), **changed), test)
        return check(looked_at, tokenizer, epochs=4)

    return made


@pytest.fixture
def found(report: Callable[..., Report]) -> Found:
    """Findings by name, those with nothing left out."""

    def named(rows: Rows, tests: Rows | None = None, **changed: Any) -> dict[str, Finding]:
        findings = report(rows, tests, **changed).findings
        return {finding.name: finding for finding in findings if finding.count}

    return named
