import json
from collections.abc import Callable
from pathlib import Path

import pytest
from transformers import PreTrainedTokenizerFast

from epochwise.config import DataConfig, EvaluateConfig
from epochwise.data.prepare import Prepared, prepare, row_digests
from epochwise.data.problems import DataError
from epochwise.data.rows import read
from epochwise.data.tokens import Example

Config = Callable[..., DataConfig]
EVALUATE = EvaluateConfig(name="loss", probe_size=3, batch_size=2)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def ids(examples: list[Example]) -> list[list[int]]:
    return [list(example.ids) for example in examples]


@pytest.fixture
def path(tmp_path: Path) -> str:
    """40 rows whose answers are 1 to 40 letters long: 18 to 57 tokens."""
    rows = [
        {"instruction": chr(0x4E00 + n), "output": "a" * (n + 1), "source": f"s{n // 2}"}
        for n in range(40)
    ]
    (tmp_path / "my.json").write_text(json.dumps(rows))
    return str(tmp_path / "my.json")


def test_lists_of_a_split_run_parallel(
    path: str, data: Config, llama: PreTrainedTokenizerFast
) -> None:
    config = data(path=path, size=8, val_size=6)
    made, rows = prepare(config, EVALUATE, llama), read(config)
    row_of = {f" {row.answer}</s>": row for row in rows}
    train, val = (
        [row_of[str(llama.decode(ids[scored_from:]))] for ids, scored_from in examples]
        for examples in (made.train, made.val)
    )
    assert (len(train), len(val)) == (8, 6)
    assert ids(made.probe) == ids(made.train[:3])
    assert sorted(set(made.val_group)) == sorted({int(row.source[1:]) for row in val})
    assert made.train_digest.tolist() == row_digests(train).tolist()
    assert made.val_digest.tolist() == row_digests(val).tolist()
    assert len(set(made.train_digest.tolist()) | set(made.val_digest.tolist())) == 14


def test_the_probe_is_at_most_all_training_rows(
    path: str, data: Config, llama: PreTrainedTokenizerFast
) -> None:
    made = prepare(data(path=path, size=2), EVALUATE, llama)
    assert ids(made.probe) == ids(made.train)


def test_dropping_long_rows_keeps_validation_and_nesting(
    path: str, data: Config, llama: PreTrainedTokenizerFast
) -> None:
    def made(size: int) -> Prepared:
        config = data(path=path, size=size, val_size=5, max_tokens=45, too_long="drop")
        return prepare(config, EVALUATE, llama)

    small, large = made(3), made(12)
    assert ids(small.val) == ids(large.val)
    assert ids(small.train) == ids(large.train[:3])
    assert max(len(example.ids) for example in large.train + large.val) <= 45
    assert 0 < small.dropped <= large.dropped


def test_long_rows_are_an_error_where_nothing_else_was_asked_for(
    path: str, data: Config, llama: PreTrainedTokenizerFast
) -> None:
    with pytest.raises(DataError, match="my.json row 40: "):
        prepare(data(path=path, size=30, val_size=10, max_tokens=45), EVALUATE, llama)


def test_a_digest_is_of_what_the_model_sees(row: Callable[..., object]) -> None:
    plain, moved, changed = row(), row(place="b.json row 9", kind="k"), row(input="x")
    digests = row_digests([plain, moved, changed]).tolist()  # type: ignore[list-item]
    assert digests[0] == digests[1] != digests[2]
