import json
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import pytest
from tokenizers import pre_tokenizers
from transformers import PreTrainedTokenizerFast

from epochwise.compose.check import check
from epochwise.config import DataConfig
from epochwise.data.formats import Message, Row, exchange
from epochwise.data.limit import limited
from epochwise.data.problems import DataError

Config = Callable[..., DataConfig]


def texts(row: Row, tokenizer: PreTrainedTokenizerFast, config: DataConfig) -> list[str]:
    examples = limited([row], tokenizer, config)
    made = examples.of(range(len(examples.rows)))
    assert all(len(example.ids) <= config.max_tokens for example in made)
    return [str(tokenizer.decode(example.ids)) for example in made]


@pytest.fixture
def talk() -> Row:
    row = exchange("fourth", "4", system="Sys", history=[("first", "1"), ("second", "2")])
    return row._replace(place="my.json row 7")


def chat(*said: str) -> str:
    roles = ("user", "assistant") * 3
    turns = [
        f"<|im_start|>{role}\n{text}<|im_end|>" for role, text in zip(roles, said, strict=False)
    ]
    return "\n".join(["<|im_start|>system\nSys<|im_end|>", *turns])


def test_earlier_exchanges_go_first_and_the_earliest_before_the_others(
    talk: Row, chatml: PreTrainedTokenizerFast, data: Config
) -> None:
    whole = chat("first", "1", "second", "2", "fourth", "4")
    later = chat("second", "2", "fourth", "4")
    length = {text: len(chatml(text).input_ids) for text in (whole, later)}

    def cut(longest: int) -> list[str]:
        return texts(talk, chatml, data(max_tokens=longest, too_long="truncate_prompt"))

    assert cut(length[whole]) == [whole]
    assert cut(length[whole] - 1) == cut(length[later]) == [later]
    assert cut(length[later] - 1) == [chat("fourth", "4")]


def test_the_last_question_loses_its_beginning_and_nothing_else(
    talk: Row, chatml: PreTrainedTokenizerFast, data: Config
) -> None:
    longest = len(chatml(chat("fourth", "4")).input_ids) - 3
    config = data(max_tokens=longest, too_long="truncate_prompt")
    assert texts(talk, chatml, config) == [chat("rth", "4")]
    aside = exchange("Sort", "ab", input="zyxba", system="Sys")
    short = data(
        max_tokens=len(chatml(chat("Sort\nba", "ab")).input_ids), too_long="truncate_prompt"
    )
    assert texts(aside, chatml, short) == [chat("Sort\nba", "ab")]


def test_what_cannot_be_cut_without_its_answer_is_told(
    talk: Row, chatml: PreTrainedTokenizerFast, data: Config
) -> None:
    config = data(max_tokens=len(chatml(chat("", "4")).input_ids), too_long="truncate_prompt")
    with pytest.raises(
        DataError, match="too long without any of the prompt that may be cut"
    ) as told:
        texts(talk, chatml, config)
    assert "my.json row 7: " in told.value.problems[1]
    every = data(max_tokens=60, too_long="truncate_prompt", turns="all")
    with pytest.raises(DataError, match="that may be cut"):  # every answer is learnt
        texts(talk, chatml, every)


def test_a_truncated_row_is_counted(
    talk: Row, chatml: PreTrainedTokenizerFast, data: Config
) -> None:
    short = exchange("q", "a", system="Sys")
    config = data(max_tokens=len(chatml(chat("fourth", "4")).input_ids), too_long="truncate_prompt")
    examples = limited([short, talk], chatml, config)
    examples.of([0, 1])
    assert examples.truncated == {1}


def test_a_conversation_is_split_before_a_question(
    talk: Row, chatml: PreTrainedTokenizerFast, data: Config
) -> None:
    longest = len(chatml(chat("first", "1", "second", "2")).input_ids)
    config = data(max_tokens=longest, too_long="split", turns="all")
    assert texts(talk, chatml, config) == [chat("first", "1", "second", "2"), chat("fourth", "4")]
    examples = limited([talk], chatml, config)
    assert [row.place for row in examples.rows] == ["my.json row 7 part 1", "my.json row 7 part 2"]
    assert {row.source for row in examples.rows} == {"my.json row 7"}
    assert examples.parts == {0: False, 1: False}
    last = data(max_tokens=longest, too_long="split")
    assert texts(talk, chatml, last) == [chat("fourth", "4")]


def test_one_exchange_is_not_split(
    talk: Row, chatml: PreTrainedTokenizerFast, data: Config
) -> None:
    config = data(max_tokens=len(chatml(chat("fourth", "4")).input_ids) - 1, too_long="split")
    with pytest.raises(DataError, match="in one exchange, which is not split"):
        texts(talk, chatml, config)


@pytest.mark.parametrize("said", ["abcdefghijklmnopqrstuvwxyz" * 3, "naïve 你好 👩‍👩‍👧 so " * 9])
def test_a_document_is_split_into_windows_that_make_it_up(
    said: str, llama: PreTrainedTokenizerFast, data: Config
) -> None:
    row = Row((Message("text", said),), place="my.txt")
    examples = limited([row], llama, data(max_tokens=20, too_long="split"))
    made = examples.of(range(len(examples.rows)))
    told = [str(llama.decode(example.ids)) for example in made]
    assert all(12 < len(example.ids) <= 20 for example in made[:-1])
    assert all(window.startswith("<s>") and "</s>" not in window for window in told[:-1])
    assert told[-1].endswith("</s>")
    assert "".join(window.removeprefix("<s>") for window in told) == said + "</s>"
    scored = sum(example.tokens for example in made)
    assert scored == len(llama(said, add_special_tokens=False).input_ids) + 1


def test_windows_hold_what_they_may_where_a_cut_makes_more_tokens(
    llama: PreTrainedTokenizerFast, data: Config
) -> None:
    space = pre_tokenizers.Metaspace(split=False)  # three bytes more before every text
    llama.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [space, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    texts = ["abcdefghij" * 9, "klm你好no" * 9]
    rows = [Row((Message("text", said),), place=f"row {n}") for n, said in enumerate(texts)]
    examples = limited(rows, llama, data(max_tokens=16, too_long="split"))
    made = examples.of(range(len(examples.rows)))
    assert max(len(example.ids) for example in made) <= 16
    told: dict[str, str] = defaultdict(str)
    for row in examples.rows:
        told[row.source] += row.answer
    assert list(told.values()) == texts


def test_short_rows_stay_as_they_are(chatml: PreTrainedTokenizerFast, data: Config) -> None:
    rows = [exchange("q", "a", system="Sys")]
    for way in ("truncate_prompt", "split", "drop"):
        examples = limited(rows, chatml, data(too_long=way))
        assert list(examples.rows) == rows
        assert not examples.truncated
        assert not examples.parts


def test_parts_are_not_counted_before_a_tokenizer_makes_them(tmp_path: Path) -> None:
    file = tmp_path / "docs.jsonl"
    file.write_text("\n".join(json.dumps({"text": letter * 5000}) for letter in "abc"))
    asked = ["data=file", f"data.path={file}", "data.size=20", "data.val_size=2"]
    assert "lower data.val_size" in check(asked)[0] or "set data.size=1" in check(asked)[0]
    assert check([*asked, "data.too_long=split"]) == []
