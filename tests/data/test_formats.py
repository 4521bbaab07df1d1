"""Every usual format by its columns alone, to the same rows."""

import csv
import gzip
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from pyarrow import feather, parquet
from transformers import PreTrainedTokenizerFast

from epochwise.config import DataConfig
from epochwise.data.formats import Message, Row, exchange, seen
from epochwise.data.problems import DataError
from epochwise.data.rows import read
from epochwise.data.tokens import Manner, examples

Config = Callable[..., DataConfig]
SHARED = Path(__file__).parents[2] / ".." / "shared" / "data"

ASKED, SAID = Message("user", "2 + 2?"), Message("assistant", "4")
CALL = '{"name": "add", "arguments": {"x": 2}}'
CALLED = (ASKED, Message("assistant", "", calls=(CALL,)), Message("tool", "4"), SAID)
TOOL = {"name": "add", "parameters": {"type": "object"}}
TURNS = exchange("And 3 + 3?", "6", system="Add.", history=[("2 + 2?", "4")]).messages

GPT = [{"from": "human", "value": "2 + 2?"}, {"from": "gpt", "value": "4"}]
OPENAI = [{"role": "user", "content": "2 + 2?"}, {"role": "assistant", "content": "4"}]
THREE = [*OPENAI[:1], {"role": "assistant", "content": "5"}]
PARTS = {
    text: [{"type": "text", "text": text}] for text in ("Add.", "2 + 2?", "4", "And 3 + 3?", "6")
}

KNOWN: dict[str, tuple[dict[str, Any], Row]] = {
    "alpaca": (
        {
            "instruction": "And 3 + 3?",
            "output": "6",
            "system": "Add.",
            "history": [["2 + 2?", "4"]],
        },
        Row(TURNS),
    ),
    "sharegpt": ({"conversations": GPT}, Row((ASKED, SAID))),
    "sharegpt, one conversation": ({"conversation": GPT, "id": 7}, Row((ASKED, SAID))),
    "sharegpt with a column for the system": (
        {
            "system": "Add.",
            "conversations": [
                *GPT,
                {"from": "user", "value": "And 3 + 3?"},
                {"from": "chatgpt", "value": "6"},
            ],
        },
        Row(TURNS),
    ),
    "sharegpt with calls": (
        {
            "conversations": [
                GPT[0],
                {"from": "function_call", "value": CALL},
                {"from": "observation", "value": "4"},
                GPT[1],
            ],
            "tools": json.dumps([TOOL]),
        },
        Row(CALLED, tools=(json.dumps(TOOL),)),
    ),
    "openai": ({"messages": OPENAI}, Row((ASKED, SAID))),
    "openai with calls": (
        {
            "messages": [
                OPENAI[0],
                {
                    "role": "assistant",
                    "content": None,
                    "tool_calls": [
                        {
                            "id": "call_1",
                            "type": "function",
                            "function": {"name": "add", "arguments": '{"x": 2}'},
                        }
                    ],
                },
                {"role": "tool", "tool_call_id": "call_1", "content": "4"},
                OPENAI[1],
            ],
            "tools": [{"type": "function", "function": TOOL}],
        },
        Row(CALLED, tools=(json.dumps(TOOL),)),
    ),
    "openai with parts and weights": (
        {
            "messages": [
                {"role": "developer", "content": PARTS["Add."]},
                {"role": "user", "content": PARTS["2 + 2?"]},
                {"role": "assistant", "content": PARTS["4"], "weight": 0},
                {"role": "user", "content": PARTS["And 3 + 3?"]},
                {"role": "assistant", "content": PARTS["6"], "weight": 1},
            ]
        },
        Row((*TURNS[:2], TURNS[2]._replace(trained=False), *TURNS[3:])),
    ),
    "prompt_completion": ({"prompt": "2 + 2?", "completion": "4"}, Row((ASKED, SAID))),
    "prompt_completion of messages": (
        {"prompt": OPENAI[:1], "completion": OPENAI[1:]},
        Row((ASKED, SAID)),
    ),
    "text": ({"text": "It rains."}, Row((Message("text", "It rains."),))),
    "guanaco": (
        {"text": "### Human: 2 + 2?### Assistant: 4"},
        Row((ASKED, SAID), source="2 + 2?"),
    ),
    "preference": (
        {"prompt": "2 + 2?", "chosen": "4", "rejected": "5"},
        Row((ASKED, SAID), rejected="5"),
    ),
    "preference of alpaca": (
        {"instruction": "2 + 2?", "input": "", "chosen": "4", "rejected": "5"},
        Row((ASKED, SAID), rejected="5"),
    ),
    "preference of messages": (
        {"prompt": OPENAI[:1], "chosen": OPENAI[1:], "rejected": THREE[1:]},
        Row((ASKED, SAID), rejected="5"),
    ),
    "preference of whole conversations": (
        {"prompt": "2 + 2?", "chosen": OPENAI, "rejected": THREE},
        Row((ASKED, SAID), rejected="5"),
    ),
    "preference of sharegpt": (
        {
            "conversations": GPT[:1],
            "chosen": GPT[1],
            "rejected": {"from": "gpt", "value": "5"},
        },
        Row((ASKED, SAID), rejected="5"),
    ),
    "preference of texts by turns": (
        {
            "chosen": "\n\nHuman: 2 + 2?\n\nAssistant: 4",
            "rejected": "\n\nHuman: 2 + 2?\n\nAssistant: 5",
        },
        Row((ASKED, SAID), rejected="5"),
    ),
}
"""What a record holds, and the row that it is."""


def only(path: Path, data: Config, format: Any = "auto") -> Row:
    (row,) = read(data(path=str(path), format=format))
    return row


@pytest.mark.parametrize("name", KNOWN)
def test_a_format_is_recognised_in_every_kind_of_file(
    name: str, tmp_path: Path, data: Config
) -> None:
    fields, expected = KNOWN[name]
    lines, table = tmp_path / "my.jsonl.gz", tmp_path / "my.parquet"
    lines.write_bytes(gzip.compress(json.dumps(fields).encode()))
    parquet.write_table(pyarrow.Table.from_pylist([fields]), table)
    feather.write_feather(pyarrow.Table.from_pylist([fields]), str(tmp_path / "my.arrow"))
    for path in (lines, table, tmp_path / "my.arrow"):
        row = only(path, data)
        assert row._replace(place="") == expected
        assert row.place.startswith(path.name)


@pytest.mark.parametrize("name", KNOWN)
def test_a_cell_of_a_table_holds_its_lists_as_json(name: str, tmp_path: Path, data: Config) -> None:
    fields, expected = KNOWN[name]
    cells = {k: v if isinstance(v, str) else json.dumps(v) for k, v in fields.items()}
    with (tmp_path / "my.csv").open("w", newline="") as file:
        table = csv.DictWriter(file, list(cells))
        table.writeheader()
        table.writerow(cells)
    assert only(tmp_path / "my.csv", data)._replace(place="") == expected


def test_a_call_belongs_to_the_words_before_it(tmp_path: Path, data: Config) -> None:
    said = [GPT[0], {"from": "gpt", "value": "I add."}, {"from": "function_call", "value": CALL}]
    more = [{"from": "observation", "value": "4"}, GPT[1]]
    path = write(tmp_path / "my.json", {"conversations": [*said, *more]})
    assert only(path, data).messages[1] == Message("assistant", "I add.", calls=(CALL,))


def write(path: Path, *rows: object) -> Path:
    path.write_text(json.dumps(rows))
    return path


@pytest.mark.parametrize(
    ("fields", "format", "expected"),
    [
        ({"q": "2 + 2?", "a": "4"}, {"instruction": "q", "output": "a"}, (ASKED, SAID)),
        ({"q": "2 + 2?", "a": "4"}, {"prompt": "q", "completion": "a"}, (ASKED, SAID)),
        ({"body": "Rain."}, {"text": "body"}, (Message("text", "Rain."),)),
        (
            {"talk": [{"who": "user", "said": "2 + 2?"}, {"who": "bot", "said": "4"}]},
            {"messages": "talk", "role": "who", "content": "said"},
            (ASKED, SAID),
        ),
        ({"text": "### Human: a", "x": 1}, "text", (Message("text", "### Human: a"),)),
        (
            {"messages": OPENAI, "instruction": "a", "output": "b"},
            "openai",
            (ASKED, SAID),
        ),
    ],
)
def test_what_is_not_recognised_is_said(
    fields: dict[str, Any], format: Any, expected: object, tmp_path: Path, data: Config
) -> None:
    assert only(write(tmp_path / "my.json", fields), data, format).messages == expected


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"messages": OPENAI, "instruction": "a", "output": "b"}, ["data.format=openai|alpaca"]),
        ({"question": "a", "answer": "b"}, ["{instruction: question, output: answer}", "openai:"]),
        ({"a": 1}, ["my.json: the columns ['a'] are of no format", "prompt_completion: prompt"]),
        ({"instruction": "a", "ouput": "b"}, ["'output' is missing", "did you mean 'ouput'?"]),
    ],
)
def test_columns_that_do_not_tell_are_refused_with_what_is_known(
    fields: dict[str, Any], words: list[str], tmp_path: Path, data: Config
) -> None:
    with pytest.raises(DataError) as caught:
        only(write(tmp_path / "my.json", fields), data)
    assert [word for word in words if word not in str(caught.value)] == []


def test_columns_that_say_a_row_once_more_do_not_confuse(tmp_path: Path, data: Config) -> None:
    alpaca = {"instruction": "2 + 2?", "output": "4", "text": "Below is ...", "prompt": "x"}
    assert only(write(tmp_path / "my.json", alpaca), data).messages == (ASKED, SAID)


def test_documents_are_parted_by_blank_lines_or_else_by_line_ends(
    tmp_path: Path, data: Config
) -> None:
    wrapped, listed, page = (tmp_path / name for name in ("a.txt", "b.txt", "c.md"))
    wrapped.write_text("One\nmore\r\n\r\n\n Two\n")
    listed.write_text("\ufeffOne\nTwo\n\n", encoding="utf-8")
    page.write_text("# One\n\nTwo\n")
    parts, listing = (read(data(path=str(p), format="auto")) for p in (wrapped, listed))
    assert [row.answer for row in parts] == ["One\nmore", "Two"]
    assert [row.answer for row in listing] == ["One", "Two"]
    assert only(page, data).answer == "# One\n\nTwo"
    assert [row.place for row in parts] == ["a.txt line 1", "a.txt line 5"]


def test_hashes_tell_apart_all_that_a_model_sees() -> None:
    plain = exchange("a", "b", input="c", system="s", history=[("d", "e")])
    assert seen(plain) == ["a", "c", "b", "s", [("d", "e")]]
    rows = [
        plain,
        plain._replace(tools=("{}",)),
        plain._replace(rejected="x"),
        Row((plain.messages[0]._replace(role="user"), *plain.messages[1:])),
        plain._replace(messages=plain.messages[1:]),
        plain.answering("f"),
        plain.asking("f"),
        Row((Message("text", "b"),)),
        Row(CALLED),
    ]
    assert len({json.dumps(seen(row)) for row in rows}) == len(rows)


def shared(name: str) -> Path:
    if not (SHARED / name).is_file():
        pytest.skip(f"{name} is not on this machine")
    return SHARED / name


def plain(name: str) -> Any:
    return json.loads(shared(name).read_text(encoding="utf-8"))


@pytest.mark.parametrize(("language", "count"), [("en", 999), ("zh", 1000)])
def test_published_instructions_load_by_their_path_alone(
    language: str, count: int, data: Config
) -> None:
    name = f"alpaca_{language}_demo.json"
    rows = read(data(path=str(shared(name)), format="auto"))
    assert len(rows) == count
    assert [(row.asked.content, row.asked.input, row.answer) for row in rows] == [
        (one["instruction"], one["input"], one["output"]) for one in plain(name)
    ]


def test_published_tool_calls_load_by_their_path_alone(data: Config) -> None:
    name = "glaive_toolcall_en_demo.json"
    rows, found = read(data(path=str(shared(name)), format="auto")), plain(name)
    assert len(rows) == len(found) == 300
    said = Counter(one["from"] for row in found for one in row["conversations"])
    messages = [message for row in rows for message in row.messages]
    assert sum(len(message.calls) for message in messages) == said["function_call"] == 211
    roles = Counter(message.role for message in messages)
    assert roles["user"] == said["human"] == 746
    assert roles["tool"] == said["observation"] == 211
    assert sum(bool(m.content) for m in messages if m.role == "assistant") == said["gpt"] == 746
    assert sum(len(row.tools) for row in rows) == 219
    for row, one in zip(rows, found, strict=True):
        assert [m.content for m in row.messages if m.content] == [
            turn["value"] for turn in one["conversations"] if turn["from"] != "function_call"
        ]


def test_published_preferences_load_by_their_path_alone(data: Config) -> None:
    name = "dpo_en_demo.json"
    rows, found = read(data(path=str(shared(name)), format="auto")), plain(name)
    assert len(rows) == 299
    for row, one in zip(rows, found, strict=True):
        said = [turn["value"] for turn in (*one["conversations"], one["chosen"])]
        assert [message.content for message in row.messages] == said
        assert row.rejected == one["rejected"]["value"]


def test_published_documents_load_by_their_path_alone(data: Config) -> None:
    path = shared("wiki_demo.txt")
    rows = read(data(path=str(path), format="auto"))
    assert len(rows) == 30
    assert [row.answer for row in rows] == path.read_text(encoding="utf-8").strip().split("\n")


TURN_END = 1  # a token after each answer, by which a model learns to stop


@pytest.mark.parametrize(
    "name", ["alpaca_en_demo.json", "alpaca_zh_demo.json", "dpo_en_demo.json"], ids=str
)
def test_published_answers_are_trained_byte_by_byte(
    name: str, data: Config, chatml: PreTrainedTokenizerFast
) -> None:
    """With one token a byte, what is trained can be counted without any of our code."""
    found = plain(name)
    answers = [one["chosen"]["value"] if "chosen" in one else one["output"] for one in found]
    rows = read(data(path=str(shared(name)), format="auto"))
    trained = [example.tokens for example in examples(rows, chatml)]
    assert trained == [len(answer.encode()) + TURN_END for answer in answers]


def test_of_published_conversations_the_last_answer_is_trained_unless_all_are(
    data: Config, chatml: PreTrainedTokenizerFast
) -> None:
    name = "glaive_toolcall_en_demo.json"
    rows, found = read(data(path=str(shared(name)), format="auto")), plain(name)
    said = [
        [turn["value"] for turn in one["conversations"] if turn["from"] == "gpt"]
        for one in found
        if all(turn["from"] != "function_call" for turn in one["conversations"])
    ]
    without_calls = [row for row in rows if not any(message.calls for message in row.messages)]
    assert len(without_calls) == len(said) > 100
    sizes = [[len(answer.encode()) + TURN_END for answer in answers] for answers in said]
    last = examples(without_calls, chatml, Manner("response", "last"))
    assert [example.tokens for example in last] == [each[-1] for each in sizes]
    every = examples(without_calls, chatml, Manner("response", "all"))
    assert [example.tokens for example in every] == [sum(each) for each in sizes]


def test_published_documents_are_trained_whole(
    data: Config, chatml: PreTrainedTokenizerFast
) -> None:
    path = shared("wiki_demo.txt")
    lines = path.read_text(encoding="utf-8").strip().split("\n")
    made = examples(read(data(path=str(path), format="auto")), chatml)
    first_is_only_read, end = 1, 1
    assert [one.tokens for one in made] == [
        len(line.encode()) - first_is_only_read + end for line in lines
    ]
