import json
import logging
import multiprocessing
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from transformers import PreTrainedTokenizerFast

from epochwise.config import DataConfig, EvaluateConfig
from epochwise.data.prepare import Prepared, prepare, tokenised
from epochwise.data.problems import DataError
from epochwise.data.store import Tokenised, entry, store, stored

Config = Callable[..., DataConfig]
EVALUATE = EvaluateConfig(name="loss", probe_size=3, batch_size=2)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def path(tmp_path: Path) -> str:
    """40 rows whose answers are 1 to 40 letters long: 20 to 59 tokens."""
    rows = [{"instruction": chr(0x4E00 + n), "output": "a" * (n + 1)} for n in range(40)]
    (tmp_path / "my.json").write_text(json.dumps(rows))
    return str(tmp_path / "my.json")


@pytest.fixture
def config(path: str, data: Config) -> DataConfig:
    """Half of the rows are too long and passed over."""
    return data(path=path, size=8, val_size=3, max_tokens=40, too_long="drop")


def plain(made: Prepared) -> list[object]:
    """What == can compare."""
    examples = [[(ids.tolist(), scored.tolist()) for ids, scored in split] for split in made[:3]]
    digests = (made.train_digest.tolist(), made.val_digest.tolist())
    return [examples, made.val_group, made.probe_group, made.counts, *digests]


def equal(one: Tokenised | None, other: Tokenised | None) -> bool:
    assert one is not None
    assert other is not None
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def write_many(file: Path, made: Tokenised) -> None:
    for _ in range(100):
        store(file, made)


def test_what_was_stored_is_what_is_used(
    config: DataConfig, llama: PreTrainedTokenizerFast
) -> None:
    first = prepare(config, EVALUATE, llama)
    assert plain(prepare(config, EVALUATE, llama)) == plain(first)
    file = entry(config, llama)
    found = stored(file, size=8)
    assert found is not None
    store(file, found._replace(ids=found.ids + 1))
    again = prepare(config, EVALUATE, llama)
    assert again.train[0].ids.tolist() == [number + 1 for number in first.train[0].ids]


def test_every_row_comes_back_as_it_was_tokenised(
    config: DataConfig, llama: PreTrainedTokenizerFast
) -> None:
    made = tokenised(config, llama)
    store(entry(config, llama), made)
    assert equal(stored(entry(config, llama), size=8), made)


def test_one_entry_serves_every_smaller_size_with_its_own_count_of_dropped_rows(
    config: DataConfig,
    llama: PreTrainedTokenizerFast,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sizes = [config.model_copy(update={"size": size}) for size in range(1, 9)]
    largest = prepare(sizes[-1], EVALUATE, llama)
    served = [prepare(size, EVALUATE, llama) for size in sizes]
    assert len(list((tmp_path / "cache" / "epochwise" / "tokens").iterdir())) == 1
    for number, (size, made) in enumerate(zip(sizes, served, strict=True)):
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / f"cache{number}"))
        assert plain(made) == plain(prepare(size, EVALUATE, llama))
    assert served[0].counts.dropped < largest.counts.dropped


def test_a_larger_size_takes_the_place_of_a_smaller_one(
    config: DataConfig, llama: PreTrainedTokenizerFast
) -> None:
    prepare(config.model_copy(update={"size": 2}), EVALUATE, llama)
    file = entry(config, llama)
    assert stored(file, size=2) is not None
    assert stored(file, size=8) is None
    assert len(prepare(config, EVALUATE, llama).train) == 8
    assert stored(file, size=8) is not None


@pytest.mark.parametrize(
    "change",
    [{"seed": 1}, {"val_size": 4}, {"max_tokens": 41}, {"too_long": "error"}, {"train_on": "all"}],
)
def test_another_setting_is_another_entry(
    config: DataConfig, llama: PreTrainedTokenizerFast, change: dict[str, object]
) -> None:
    assert entry(config.model_copy(update=change), llama) != entry(config, llama)


def test_a_name_a_path_and_a_size_are_no_part_of_the_content(
    config: DataConfig, llama: PreTrainedTokenizerFast, path: str
) -> None:
    moved = Path(path).rename(Path(path).with_name("moved.json"))
    before = entry(config.model_copy(update={"path": str(moved)}), llama)
    again = config.model_copy(update={"path": str(moved), "name": "other", "size": 2})
    assert entry(again, llama) == before


def test_a_changed_row_is_another_entry(
    config: DataConfig, llama: PreTrainedTokenizerFast, path: str
) -> None:
    before = entry(config, llama)
    Path(path).write_text(Path(path).read_text().replace("aaa", "aab", 1))
    assert entry(config, llama) != before


def test_a_changed_tokenizer_of_the_same_name_is_another_entry(
    config: DataConfig, llama: PreTrainedTokenizerFast
) -> None:
    entries = {entry(config, llama)}
    llama.chat_template = str(llama.chat_template).replace("[INST]", "[ASK]")
    entries.add(entry(config, llama))
    llama.eos_token = "<s>"
    entries.add(entry(config, llama))
    llama.add_tokens(["new"])
    entries.add(entry(config, llama))
    assert len(entries) == 4


@pytest.mark.parametrize(
    "damaged",
    [
        lambda content: b"",
        lambda content: b"{}",
        lambda content: content[:-7],
        lambda content: content + b"more",
        lambda content: content[:-9] + bytes([content[-9] ^ 1]) + content[-8:],
        lambda content: content.replace(b'"ids"', b'"ods"'),
    ],
    ids=["empty", "foreign", "short", "long", "one_bit", "renamed"],
)
def test_a_damaged_entry_is_made_anew(
    config: DataConfig, llama: PreTrainedTokenizerFast, damaged: Callable[[bytes], bytes]
) -> None:
    made = plain(prepare(config, EVALUATE, llama))
    file = entry(config, llama)
    whole = file.read_bytes()
    file.write_bytes(damaged(whole))
    assert plain(prepare(config, EVALUATE, llama)) == made
    assert file.read_bytes() == whole


def test_writers_at_the_same_time_do_no_harm(
    config: DataConfig, llama: PreTrainedTokenizerFast
) -> None:
    file = entry(config, llama)
    sizes = [tokenised(config.model_copy(update={"size": size}), llama) for size in (2, 8)]
    store(file, sizes[0])
    fork = multiprocessing.get_context("fork")
    writers = [fork.Process(target=write_many, args=(file, made)) for made in sizes]
    for writer in writers:
        writer.start()
    seen = 0
    while any(writer.is_alive() for writer in writers):
        found = stored(file, size=2)
        assert found is not None
        assert equal(found, sizes[len(found.counts) == 8])
        seen += 1
    assert seen > 0
    assert [writer.exitcode for writer in writers] == [0, 0]
    assert list(file.parent.iterdir()) == [file]


def test_rows_with_mistakes_are_told_each_time_and_never_stored(
    config: DataConfig, llama: PreTrainedTokenizerFast
) -> None:
    wrong = config.model_copy(update={"too_long": "error"})
    for _ in range(2):
        with pytest.raises(DataError, match="rows are too long"):
            prepare(wrong, EVALUATE, llama)
    assert not entry(wrong, llama).exists()


def test_a_cache_that_cannot_be_written_is_told_and_no_obstacle(
    config: DataConfig,
    llama: PreTrainedTokenizerFast,
    cache: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    cache.write_text("a file where a folder should be")
    with caplog.at_level(logging.WARNING):
        assert len(prepare(config, EVALUATE, llama).train) == 8
    assert "are not kept" in caplog.text
