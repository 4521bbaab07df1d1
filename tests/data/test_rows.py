import csv
import json
import logging
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from pyarrow import parquet

from epochwise.config import DataConfig
from epochwise.data import hub
from epochwise.data.conversations import guanaco, oasst
from epochwise.data.fields import Fields
from epochwise.data.formats import Record, Row, exchange
from epochwise.data.problems import DataError
from epochwise.data.rows import digest, read

Config = Callable[..., DataConfig]

ROWS: list[dict[str, Any]] = [
    {"instruction": "Sort", "input": "b\na", "output": "a, b", "system": "", "history": []},
    {
        "instruction": "And, now?",
        "input": "",
        "output": 'say "ü"\u2028',
        "system": "Be brief.",
        "history": [["Hi", "Hello"]],
    },
]


def write_json(path: Path) -> None:
    path.write_text(json.dumps(ROWS), encoding="utf-8")


def write_json_with_bom(path: Path) -> None:
    path.write_text(json.dumps(ROWS), encoding="utf-8-sig")


def write_lines(path: Path) -> None:
    lines = [json.dumps(row, ensure_ascii=False) for row in ROWS]
    path.write_text("\n".join([lines[0], "", lines[1]]) + "\n", encoding="utf-8")


def write_csv(path: Path) -> None:
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        table = csv.DictWriter(
            file, list(ROWS[0]), delimiter="\t" if path.suffix == ".tsv" else ","
        )
        table.writeheader()
        table.writerows(row | {"history": json.dumps(row["history"])} for row in ROWS)


def write_parquet(path: Path) -> None:
    parquet.write_table(pyarrow.Table.from_pylist(ROWS), path)


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("rows.json", write_json),
        ("lines.json", write_lines),
        ("bom.JSON", write_json_with_bom),
        ("rows.jsonl", write_lines),
        ("rows.csv", write_csv),
        ("rows.tsv", write_csv),
        ("rows.parquet", write_parquet),
    ],
)
def test_every_kind_of_file_gives_the_same_rows(
    name: str, write: Callable[[Path], None], tmp_path: Path, data: Config
) -> None:
    write(tmp_path / name)
    first, second = read(data(path=str(tmp_path / name)))
    assert first.messages == exchange("Sort", "a, b", input="b\na").messages
    assert (
        second.messages
        == exchange(
            "And, now?", 'say "ü"\u2028', system="Be brief.", history=[("Hi", "Hello")]
        ).messages
    )


def test_places_are_found_again(tmp_path: Path, data: Config) -> None:
    write_lines(tmp_path / "my.jsonl")
    write_json(tmp_path / "my.json")
    assert [row.place for row in read(data(path=str(tmp_path / "my.jsonl")))] == [
        "my.jsonl line 1",
        "my.jsonl line 3",
    ]
    assert read(data(path=str(tmp_path / "my.json")))[1].place == "my.json row 2"


def test_columns_are_renamed_and_one_may_serve_twice(tmp_path: Path, data: Config) -> None:
    path = tmp_path / "dolly.json"
    path.write_text(json.dumps([{"instruction": "Who?", "context": "I did.", "response": "You."}]))
    format = {"input": "context", "output": "response", "source": "context"}
    (row,) = read(data(path=str(path), format=format))
    assert row.messages == exchange("Who?", "You.", input="I did.").messages
    assert row.source == "I did."


def test_null_in_an_optional_column_is_nothing(tmp_path: Path, data: Config) -> None:
    path = tmp_path / "a.json"
    path.write_text('[{"instruction": "a", "output": "b", "input": null, "history": null}]')
    (row,) = read(data(path=str(path)))
    assert row.messages == exchange("a", "b").messages


ONE = '{"instruction": "a", "output": "b"}'
BAD: list[tuple[str, str | bytes, list[str]]] = [
    ("empty.json", "", ["empty.json", "the file is empty"]),
    ("none.json", "[]", ["none.json holds no rows"]),
    ("blank.jsonl", "\n\n", ["blank.jsonl holds no rows"]),
    ("head.csv", "instruction,output\n", ["head.csv holds no rows"]),
    ("bom.csv", "\ufeff", ["bom.csv holds no rows"]),
    ("a.yaml", "a: b", ["unknown suffix '.yaml'", ".jsonl", ".parquet"]),
    ("a.json", "[{", ["a.json row 1: is not JSON", "column", "mend it"]),
    ("deep.json", "[" * 100_000, ["deep.json row 1: is not JSON", "nested too deep"]),
    ("object.json", ONE, ["holds an object", "expected a list of objects"]),
    ("item.json", f"[{ONE}, 7]", ["item.json row 2", "a number (7)", "expected an object"]),
    ("bad.jsonl", f"{ONE}\n\n{{'a'\n", ["bad.jsonl line 3", "is not JSON"]),
    ("cut.jsonl", f"{ONE}\n{ONE[:20]}", ["cut.jsonl line 2"]),
    ("latin.json", ONE.replace("a", "é").encode("latin-1"), ["not UTF-8", "save it as UTF-8"]),
    ("wide.csv", "instruction,output\na,b\n".encode("utf-16"), ["wide.csv is not UTF-8 at byte 0"]),
    ("a.parquet", "instruction", ["a.parquet is not a Parquet file"]),
    (
        "quote.csv",
        'instruction,output\n"a,b\n',
        ["quote.csv line 2: is not a table's", "unexpected end of data", "quote text"],
    ),
    ("more.csv", "instruction,output\na,b,c\n", ["more.csv row 1", "3 cells under 2 columns"]),
    ("less.csv", "instruction,output\na,b\nc\n", ["less.csv row 2", "1 cells", "quote"]),
    ("twice.csv", "output,output\na,b\n", ["name each column once", "'output'"]),
    (
        "m.json",
        '[{"instruction": "a"}]',
        ["m.json: column 'output' is missing; the", ". Name the right one"],
    ),
    (
        "typo.json",
        '[{"instruction": "a", "ouput": "b"}]',
        ["column 'output' is missing", "did you mean 'ouput'?"],
    ),
    (
        "inputs.json",
        '[{"instruction": "a", "inputs": "c", "output": "b"}]',
        ["column 'inputs' would not be read", "data.format={input: inputs}"],
    ),
    (
        "row.json",
        f'[{ONE}, {{"instruction": "a"}}]',
        ["row.json row 2: output is missing", "remove the row"],
    ),
    ("null.json", '[{"instruction": "a", "output": null}]', ["row 1: output is missing"]),
    ("e.json", '[{"instruction": "a", "output": " "}]', ["e.json row 1: output is empty"]),
    ("q.json", '[{"instruction": "", "output": "b"}]', ["row 1: instruction is empty"]),
    ("n.json", '[{"instruction": "a", "output": 42}]', ["output is a number (42), expected text"]),
    ("nan.json", '[{"instruction": "a", "output": NaN}]', ["output is NaN, expected text"]),
    ("l.json", '[{"instruction": ["a"], "output": "b"}]', ["instruction is a list", "['a']"]),
    (
        "i.json",
        '[{"instruction": "a", "input": 1, "output": "b"}]',
        ["row 1: input is a number (1)"],
    ),
    (
        "half.json",
        '[{"instruction": "\\ud83d", "output": "b"}]',
        ["row 1: instruction holds half a character"],
    ),
    (
        "h.json",
        '[{"instruction": "a", "output": "b", "history": "Hi"}]',
        ["row 1: history is text", "[user, assistant]"],
    ),
    (
        "turn.json",
        '[{"instruction": "a", "output": "b", "history": [["Hi", "Ho"], ["Hi"]]}]',
        ["history turn 2", "['Hi']"],
    ),
]


@pytest.mark.parametrize(("name", "content", "words"), BAD, ids=[name for name, _, _ in BAD])
def test_bad_files_are_refused_by_name(
    name: str, content: str | bytes, words: list[str], tmp_path: Path, data: Config
) -> None:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(DataError) as caught:
        read(data(path=str(path)))
    assert [word for word in words if word not in str(caught.value)] == []


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("", ["data.path is empty: give your file, e.g. data.path=my.jsonl"]),
        ("{folder}/alpcaa.json", ["no such file", "did you mean 'alpaca.json'?"]),
        ("{folder}/nowhere/a.json", ["there is no folder", "nowhere"]),
        ("hub:alpaca", ["got data.path=hub:alpaca", "hub:OWNER/NAME"]),
        ("modelscope:alpaca", ["expected modelscope:OWNER/NAME"]),
        ("modelscope:o/n", ["pip install modelscope"]),
        ("hub:a/b/c/d", ["hub:OWNER/NAME[/SUBSET][@REVISION]"]),
    ],
)
def test_bad_paths_are_refused_with_a_remedy(
    path: str, words: list[str], tmp_path: Path, data: Config
) -> None:
    write_json(tmp_path / "alpaca.json")
    with pytest.raises(DataError) as caught:
        read(data(path=path.format(folder=tmp_path)))
    assert [word for word in words if word not in str(caught.value)] == []


@pytest.mark.parametrize(
    ("format", "words"),
    [
        ({"output": "anser"}, ["reads 'output' from column 'anser'", "did you mean 'answer'?"]),
        ({"question": "answer"}, ["names 'question', which is none of"]),
        ("guanaco", ["column 'text' is missing; data.format=guanaco needs it", "answer"]),
        ("oasst", ["data.format=oasst needs the columns", "message_id"]),
    ],
)
def test_formats_that_do_not_fit_are_refused(
    format: Any, words: list[str], tmp_path: Path, data: Config
) -> None:
    (tmp_path / "a.json").write_text('[{"instruction": "a", "answer": "b"}]')
    with pytest.raises(DataError) as caught:
        read(data(path=str(tmp_path / "a.json"), format=format))
    assert [word for word in words if word not in str(caught.value)] == []


def test_all_bad_rows_are_told_at_once_and_many_are_counted(tmp_path: Path, data: Config) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("{\n" + '{"instruction": "", "output": 1}\n' * 15)
    with pytest.raises(DataError) as caught:
        read(data(path=str(path)))
    assert len(caught.value.problems) == 1 + 2 * 15
    lines = str(caught.value).splitlines()
    assert (len(lines), lines[-1]) == (21, "... and 11 more")


def guanaco_rows(*texts: object) -> tuple[list[Row | None], list[str]]:
    given = [Fields(Record(f"row {n}", {"text": text}), {}) for n, text in enumerate(texts, 1)]
    return [guanaco(one) for one in given], [fault for one in given for fault in one.faults]


def test_guanaco_learns_the_last_answer_and_keeps_the_turns_before_it() -> None:
    (row,), _ = guanaco_rows("### Human: A### Assistant: B### Human: C\nc### Assistant: D")
    assert row is not None
    assert row.messages == exchange("C\nc", "D", history=[("A", "B")]).messages
    assert row.source == "A"


def test_a_last_question_without_answer_is_left_off() -> None:
    (row,), _ = guanaco_rows("### Human: A### Assistant: B### Human: C")
    assert row is not None
    assert row.messages == exchange("A", "B").messages


def test_guanaco_texts_without_turns_are_named() -> None:
    texts = ("hello", "### Human: A", "### Assistant: B", "### Human: ### Assistant: B", None)
    rows, problems = guanaco_rows(*texts)
    assert rows == [None] * 5
    assert [problem.split(":")[0] for problem in problems] == [f"row {n}" for n in range(1, 6)]


def message(name: str, parent: str | None, role: str, rank: float | None = None) -> Record:
    fields = {"message_id": name, "parent_id": parent, "role": role, "text": name.upper()}
    return Record(name, fields | {"rank": rank, "lang": "en"})


TREE = [
    message("root", None, "prompter"),
    message("worse", "root", "assistant", 1),
    message("unranked", "root", "assistant"),
    message("best", "root", "assistant", 0.0),
    message("next", "best", "prompter"),
    message("last", "next", "assistant", float("nan")),
    message("open", "worse", "prompter"),
]


def test_oasst_takes_the_best_ranked_answer_and_the_path_to_it() -> None:
    rows, problems = oasst(TREE)
    assert problems == []
    assert [row.messages for row in rows] == [
        exchange("ROOT", "BEST").messages,
        exchange("NEXT", "LAST", history=[("ROOT", "BEST")]).messages,
    ]
    assert {(row.source, row.kind) for row in rows} == {("root", "en")}


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (message("lost", "gone", "prompter"), "'gone' is no message"),
        (message("who", "root", "moderator"), "expected prompter or assistant"),
        (message(" ", "root", "assistant"), "text is missing or empty"),
        (message("twin", "best", "assistant"), "do not take turns"),
        (message("alone", None, "prompter"), ""),
    ],
)
def test_broken_trees_are_named(broken: Record, words: str) -> None:
    _, problems = oasst([*TREE, broken])
    assert words in "\n".join(problems)
    assert bool(problems) == bool(words)


def test_messages_that_answer_each_other_in_a_ring_are_named() -> None:
    ring = [message("a", "b", "prompter"), message("b", "a", "assistant")]
    assert "do not take turns" in oasst(ring)[1][0]


def test_blank_rows_of_a_hub_set_are_left_out_and_counted(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, data: Config
) -> None:
    import datasets

    published = datasets.Dataset.from_list(
        [{"question": "a", "answer": "b"}, {"question": "c", "answer": ""}]
    )
    asked: list[Any] = []

    def load_dataset(*names: Any, **options: Any) -> Any:
        asked.append((names, options))
        return published

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    config = data(path="hub:o/n/s@v1", format={"instruction": "question", "output": "answer"})
    with caplog.at_level(logging.WARNING):
        (row,) = read(config)
    assert (row.question, row.place) == ("a", "o/n row 1")
    assert asked == [(("o/n", "s"), {"revision": "v1", "split": "train"})]
    assert "left out 1 rows, the first as o/n row 2: answer is empty" in caplog.text


def test_a_hub_that_cannot_be_reached_is_told_with_a_remedy(
    monkeypatch: pytest.MonkeyPatch, data: Config
) -> None:
    import datasets

    def load_dataset(*names: Any, **options: Any) -> Any:
        raise ConnectionError("Couldn't reach 'o/n' on the Hub")

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    with pytest.raises(DataError, match=r"hub:o/n.*Couldn't reach.*data=file data.path=my.jsonl"):
        read(data(path="hub:o/n"))


def test_hub_addresses_keep_dots_and_dashes() -> None:
    assert hub.address("hub:a-b/c.d_e@refs/pr/1") == ("a-b/c.d_e", None, "refs/pr/1")


def test_the_world_has_rows_with_kind_and_source(data: Config) -> None:
    rows = read(data(path="world"))
    assert len(rows) == 20_000
    assert {row.kind for row in rows} == {"closed_book", "open_book", "skill", "unanswerable"}
    assert any(row.source for row in rows)


def test_digests_change_with_the_content_alone(tmp_path: Path, data: Config) -> None:
    first, second = tmp_path / "a.json", tmp_path / "b.json"
    write_json(first)
    second.write_bytes(first.read_bytes())
    before = digest(data(path=str(first)))
    assert digest(data(path=str(second))) == before
    second.write_bytes(first.read_bytes() + b"\n")
    assert digest(data(path=str(second))) != before
    assert digest(data(path="world")) == digest(data(path="world"))
    assert digest(data(path="hub:o/n")) == "hub:o/n"


def test_the_digest_of_a_missing_file_says_so(tmp_path: Path, data: Config) -> None:
    with pytest.raises(DataError, match="no such file"):
        digest(data(path=str(tmp_path / "a.json")))


def test_reading_rows_loads_no_torch() -> None:
    code = (
        "import sys, epochwise.data.rows, epochwise.data.split;"
        "assert not {'torch', 'transformers', 'datasets', 'pyarrow'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
