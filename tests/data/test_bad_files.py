"""Files that are damaged as a whole: named with the line, the reason and a remedy."""

import codecs
import gzip
import json
import os
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from pyarrow import ipc, parquet

from epochwise.config import DataConfig
from epochwise.data import text_file
from epochwise.data.problems import DataError
from epochwise.data.rows import read

Config = Callable[..., DataConfig]
ONE = '{"instruction": "a", "output": "b"}'
TABLE = "instruction,output\n"
ROW = "c,d\n"

BAD: list[tuple[str, bytes, list[str]]] = [
    ("marked.jsonl", codecs.BOM_UTF16_LE + ONE.encode("utf-16-le"), ["UTF-16: save it as UTF-8"]),
    ("big.json", codecs.BOM_UTF16_BE + ONE.encode("utf-16-be"), ["but UTF-16: save it as UTF-8"]),
    ("wide.jsonl", codecs.BOM_UTF32_LE + ONE.encode("utf-32-le"), ["UTF-32: save it as UTF-8"]),
    ("wide.csv", codecs.BOM_UTF32_BE + TABLE.encode("utf-32-be"), ["but UTF-32: save"]),
    ("a.tsv", codecs.BOM_UTF16_LE + TABLE.encode("utf-16-le"), ["a.tsv is not UTF-8 at byte 0"]),
    ("a.txt", codecs.BOM_UTF16_LE + "Hi".encode("utf-16-le"), ["a.txt is not UTF-8", "UTF-16"]),
    (
        "latin.jsonl",
        f'{ONE}\n{{"instruction": "é", "output": "b"}}\n{ONE}\n{{"a": "ü"}}'.encode("latin-1"),
        ["latin.jsonl line 2: is not UTF-8 at byte 17 (e9 22", "latin.jsonl line 4: is not UTF-8"],
    ),
    ("latin.csv", f"{TABLE}é,b\n".encode("latin-1"), ["latin.csv line 2: is not UTF-8 at byte 0"]),
    (
        "latin.json",
        f'[{ONE},\n{{"instruction": "é"}}]'.encode("latin-1"),
        ["latin.json is not UTF-8 at byte 55, line 2: save it as UTF-8"],
    ),
    ("nul.jsonl", b'{"instruction": "a\0", "output": "b"}', ["line 1: is not JSON", "mend it"]),
    ("nul.csv", f"{TABLE}a\0,b\n".encode(), ["nul.csv row 1: instruction holds a NUL", "remove"]),
    (
        "two.jsonl",
        f"{ONE} {ONE}\n{ONE}".encode(),
        ["two.jsonl line 1: is not JSON", "a line of its"],
    ),
    ("mac.jsonl", f"{ONE}\r{ONE}".encode(), ["put each object on a line of its own"]),
    (
        "comma.json",
        f"[{ONE},]".encode(),
        ["comma.json row 2: is not JSON: Expecting value", "mend it"],
    ),
    ("commas.json", f"[{ONE},,{ONE}]".encode(), ["commas.json row 2: is not JSON", "the rest"]),
    ("none.json", f"[{ONE} {ONE}]".encode(), ["row 1: is followed by '{\"instruc", "',' or ']'"]),
    ("open.json", f"[{ONE}".encode(), ["open.json row 1: is followed by the end of the file"]),
    ("cut.json", f"[{ONE}, {ONE[:20]}".encode(), ["cut.json row 2: is not JSON"]),
    ("more.json", f"[{ONE}] {ONE}".encode(), ["more.json is not JSON: after its list stands"]),
    ("comma.jsonl", f"{ONE},\n{ONE},".encode(), ["comma.jsonl line 1", "comma.jsonl line 2"]),
    ("list.jsonl", f"[{ONE}]".encode(), ["list.jsonl line 1: is a list", "expected an object"]),
    ("python.jsonl", b"{'instruction': 'a'}", ["python.jsonl line 1: is not JSON", "mend it"]),
    (
        "twice.jsonl",
        b'{"output": "a", "output": "b"}',
        ["has the key 'output' twice", "remove one"],
    ),
    ("twice.json", b'[{"a": {"b": 1, "b": 2}}]', ["twice.json row 1: has the key 'b' twice"]),
    ("deep.jsonl", b"[" * 100_000, ["deep.jsonl line 1: is not JSON", "nested too deep"]),
    ("deep.json", b'[{"a":' * 100_000, ["deep.json row 1: is not JSON", "nested too deep"]),
    (
        "digits.jsonl",
        b'{"instruction": ' + b"9" * 10**6 + b"}",
        ["line 1: is not JSON", "in quotes"],
    ),
    ("inf.jsonl", b'{"instruction": "a", "output": -Infinity}', ["output is a number (-inf)"]),
    ("number.json", b"7", ["number.json holds a number (7), expected a list of objects"]),
    ("text.json", b'"a"', ["text.json holds text ('a'), expected a list of objects"]),
    (
        "data.json",
        f'{{"data": [{ONE}]}}'.encode(),
        ["holds an object", "expected a list of objects"],
    ),
    ("page.json", b"<!DOCTYPE html>", ["page.json is not JSON: Expecting value"]),
    ("empty.jsonl", b"", ["empty.jsonl: the file is empty"]),
    ("blank.json", b" \n ", ["blank.json is not JSON"]),
    ("blank.csv", b"\n\n", ["blank.csv holds no rows"]),
    ("blank.txt", b"\n \n", ["blank.txt holds no rows"]),
    ("blank.md", b"\n \n", ["blank.md holds no rows"]),
    ("semicolon.csv", b"instruction;output\na;b\n", ["parted by ';'", "part columns by commas"]),
    ("tabs.csv", b"instruction\toutput\na\tb\n", ["parted by '\\t'", "by tabs in a .tsv"]),
    ("commas.tsv", b"instruction,output\na,b\n", ["parted by ','", "by tabs in a .tsv"]),
    ("nameless.csv", b"instruction,output,\na,b,c\n", ["must name each column once", "['']"]),
    ("headless.csv", b"What?,This.\nAnd?,That.\n", ["of no format that is known"]),
    (
        "quotes.csv",
        f'{TABLE}"a" b,c\n{ROW}d,"e" f\n{ROW}'.encode(),
        ["quotes.csv line 2: is not a table's", "quotes.csv line 4", 'write a quote inside as ""'],
    ),
    (
        "ragged.csv",
        f"{TABLE}a\n{ROW}a,b,c\n".encode(),
        ["ragged.csv row 1: has 1 cells under 2", "ragged.csv row 3: has 3 cells under 2"],
    ),
    ("lines.csv", b'instruction,output\n"a\nb",\n', ["lines.csv row 1: output is empty"]),
    ("half.parquet", b"PAR1" + b"x" * 40, ["half.parquet is not a Parquet file, or cut"]),
    ("a.arrow", b"ARROW1 and then nothing", ["a.arrow is not an Arrow file, or cut"]),
    ("b.arrow", b"something else", ["b.arrow is not an Arrow file, or cut"]),
    ("a.jsonl.gz", b"no gzip", ["a.jsonl.gz cannot be read: Not a gzipped file"]),
    ("cut.jsonl.gz", gzip.compress(os.urandom(500))[:-200], ["cut.jsonl.gz", "read: Compressed"]),
    ("a.zip", b"PK", ["unknown suffix '.zip', expected one of"]),
    ("a", ONE.encode(), ["unknown suffix ''"]),
    ("a.xlsx", b"PK", ["unknown suffix '.xlsx'"]),
]


@pytest.mark.parametrize(("name", "content", "words"), BAD, ids=[name for name, _, _ in BAD])
def test_a_damaged_file_is_named_with_the_reason(
    name: str, content: bytes, words: list[str], tmp_path: Path, data: Config
) -> None:
    (tmp_path / name).write_bytes(content)
    config = data(path=str(tmp_path / name), format="auto")
    with pytest.raises(DataError) as caught:
        read(config)
    assert [word for word in words if word not in str(caught.value)] == []


def told(path: Path, data: Config, **changes: Any) -> str:
    with pytest.raises(DataError) as caught:
        read(data(path=str(path), **{"format": "auto"} | changes))
    return str(caught.value)


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_line_ends_and_separators_of_unicode_inside_text_are_kept(
    line_end: str, tmp_path: Path, data: Config
) -> None:
    rows = [
        {"instruction": "a\u2028b\u0085c", "output": "\r\n\r"},
        {"instruction": "a", "output": "b"},
    ]
    rows[0]["output"] = "x\r\ny\rz"
    path = tmp_path / "my.jsonl"
    path.write_bytes(line_end.join(json.dumps(row, ensure_ascii=False) for row in rows).encode())
    first, _ = read(data(path=str(path)))
    assert (first.question, first.answer) == ("a\u2028b\u0085c", "x\r\ny\rz")
    table = tmp_path / "my.csv"
    table.write_bytes(f'instruction,output{line_end}"a\u2028b","x\ry"{line_end}'.encode())
    (row,) = read(data(path=str(table)))
    assert (row.question, row.answer) == ("a\u2028b", "x\ry")


def test_a_line_that_is_no_row_is_not_held_in_memory(
    tmp_path: Path, data: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_file, "LONGEST", 100)
    (tmp_path / "my.jsonl").write_text(f"{ONE}\n{'x' * 1001}\n{ONE}\n{'y' * 150}")
    assert told(tmp_path / "my.jsonl", data).splitlines() == [
        "my.jsonl line 2: has 1002 bytes, over 100: no row is so long; part it or remove it",
        "my.jsonl line 4: has 150 bytes, over 100: no row is so long; part it or remove it",
    ]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([datetime(2026, 1, 1)], "output is datetime (datetime.datetime(2026, 1, 1, 0, 0))"),
        ([Decimal("1.5")], "output is Decimal (Decimal('1.5'))"),
        ([b"bytes"], "output is bytes (b'bytes')"),
        ([None], "output is missing"),
        ([["a"]], "output is a list"),
    ],
)
def test_columns_that_are_no_text_are_named_by_their_type(
    values: list[Any], words: str, tmp_path: Path, data: Config
) -> None:
    table = pyarrow.table({"instruction": ["a"], "output": values})
    parquet.write_table(table, tmp_path / "my.parquet")
    assert f"my.parquet row 1: {words}" in told(tmp_path / "my.parquet", data)


def test_a_dictionary_column_is_text(tmp_path: Path, data: Config) -> None:
    column = pyarrow.array(["b", "c", "b"]).dictionary_encode()
    table = pyarrow.table({"instruction": ["x", "y", "z"], "output": column})
    parquet.write_table(table, tmp_path / "my.parquet")
    assert [row.answer for row in read(data(path=str(tmp_path / "my.parquet")))] == ["b", "c", "b"]


def test_a_parquet_file_without_rows_or_without_its_end_is_named(
    tmp_path: Path, data: Config
) -> None:
    table = pyarrow.table({"instruction": ["a"] * 3000, "output": ["b"] * 3000})
    parquet.write_table(table.slice(0, 0), tmp_path / "none.parquet")
    assert "none.parquet holds no rows" in told(tmp_path / "none.parquet", data)
    parquet.write_table(table, tmp_path / "whole.parquet")
    whole = (tmp_path / "whole.parquet").read_bytes()
    (tmp_path / "cut.parquet").write_bytes(whole[:-9])
    assert "cut.parquet is not a Parquet file, or cut" in told(tmp_path / "cut.parquet", data)


def test_a_stream_of_arrow_as_datasets_keeps_it_is_read(tmp_path: Path, data: Config) -> None:
    table = pyarrow.table({"instruction": ["a"] * 2500, "output": ["b"] * 2500})
    with ipc.new_stream(tmp_path / "my.arrow", table.schema) as stream:
        stream.write_table(table)
    assert read(data(path=str(tmp_path / "my.arrow")))[-1].place == "my.arrow row 2500"


def test_a_part_that_unpacks_to_more_than_memory_bears_is_refused(
    tmp_path: Path, data: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    from epochwise.data import arrow_file

    monkeypatch.setattr(arrow_file, "LARGE", 10**6)
    table = pyarrow.table({"text": ["a" * 10_000_000]})
    parquet.write_table(table, tmp_path / "my.parquet", compression="zstd", use_dictionary=False)
    assert "my.parquet says that a part of it unpacks to" in told(tmp_path / "my.parquet", data)


def test_the_files_of_a_folder_are_rows_of_one_set(tmp_path: Path, data: Config) -> None:
    (tmp_path / "b.jsonl").write_text(ONE.replace("a", "second"))
    (tmp_path / "a.jsonl").write_text(ONE.replace("a", "first"))
    (tmp_path / "README.md").write_text("About these.")
    (tmp_path / ".hidden.csv").write_text("x")
    rows = read(data(path=str(tmp_path), format="auto"))
    assert [row.place for row in rows] == ["a.jsonl line 1", "b.jsonl line 1"]


def test_folders_that_are_not_one_set_are_refused(tmp_path: Path, data: Config) -> None:
    assert "holds no data file" in told(tmp_path, data)
    (tmp_path / "a.jsonl").write_text(ONE)
    (tmp_path / "b.csv").write_text(TABLE + ROW)
    assert "files of several kinds, such as ['b.csv', 'a.jsonl']" in told(tmp_path, data)
    (tmp_path / "b.csv").rename(tmp_path / "b.jsonl")
    (tmp_path / "b.jsonl").write_bytes(b"")
    assert "b.jsonl is empty: remove it" in told(tmp_path, data)


def test_what_is_no_file_is_refused_and_never_waited_for(tmp_path: Path, data: Config) -> None:
    os.mkfifo(tmp_path / "pipe.jsonl")
    assert "is neither a file nor a folder" in told(tmp_path / "pipe.jsonl", data)
    (tmp_path / "loop.jsonl").symlink_to(tmp_path / "loop.jsonl")
    assert "no such file" in told(tmp_path / "loop.jsonl", data)
    (tmp_path / "gone.jsonl").symlink_to(tmp_path / "nowhere.jsonl")
    assert "no such file" in told(tmp_path / "gone.jsonl", data)


def test_faults_of_lines_and_of_columns_are_told_together(tmp_path: Path, data: Config) -> None:
    (tmp_path / "my.jsonl").write_text('{\n{"instruction": "a", "ouput": "b"}\n')
    told_both = told(tmp_path / "my.jsonl", data)
    assert "my.jsonl line 1: is not JSON" in told_both
    assert "my.jsonl: column 'output' is missing" in told_both


def test_a_million_faults_are_counted_and_few_kept(tmp_path: Path, data: Config) -> None:
    from epochwise.data.problems import KEPT

    (tmp_path / "my.jsonl").write_text(ONE + "\n" + "{\n" * (KEPT + 500))
    with pytest.raises(DataError) as caught:
        read(data(path=str(tmp_path / "my.jsonl")))
    assert (len(caught.value.problems), caught.value.more) == (KEPT, 500)
    assert str(caught.value).splitlines()[-1] == f"... and {KEPT + 480} more"
