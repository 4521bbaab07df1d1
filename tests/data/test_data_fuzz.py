"""Random damage to data files: a bounded dose here, a million with `make soak`."""

import csv
import io
import json
import os
import random
import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from bad_records import BAD, GOOD
from pyarrow import parquet

from epochwise.config import DataConfig
from epochwise.data.problems import DataError
from epochwise.data.rows import read

Config = Callable[..., DataConfig]
SOAK = "EPOCHWISE_SOAK" in os.environ
PARTS = 10  # of the inputs, so that several workers share them
INPUTS = (1_000_000 if SOAK else 20_000) // PARTS
MOST_MEMORY = 256 * 2**20  # bytes over what there was before
KINDS = (".jsonl", ".json", ".csv", ".tsv", ".txt", ".md", ".parquet")
PIECES = [
    *(b"{", b"}", b"[", b"]", b'"', b"\\", b",", b":", b"\n", b"\r", b"\0", b"\t", b" "),
    *(
        b"null",
        b"NaN",
        b"-1e999",
        b"\\ud800",
        b"\xff",
        b"\xe2\x80\xa8",
        b"\xef\xbb\xbf",
        b"9" * 5000,
    ),
    *(
        b"[" * 3000,
        b'{"a":' * 3000,
        b'"role"',
        b'"from"',
        b'"messages"',
        b'"tool_calls"',
        b"### Human:",
    ),
    *(b"instruction", b"output", b"chosen", b'""', b"'", b";", b"true", b"\xff\xfe", b"PAR1"),
]


def records(draw: random.Random) -> list[dict[str, Any]]:
    """A few records of one family or of several, some of them wrong."""
    bad = list(BAD.values())
    families = [draw.choice(list(GOOD))] * 3 if draw.random() < 0.8 else draw.sample(list(GOOD), 3)
    found = [dict(GOOD[family]) for family in families]
    if draw.random() < 0.5:
        found.append(GOOD[families[0]] | draw.choice(bad).fields)
    return found


def content(kind: str, draw: random.Random) -> bytes:
    rows = records(draw)
    match kind:
        case ".jsonl":
            return "\n".join(map(json.dumps, rows)).encode()
        case ".json":
            return json.dumps(rows).encode()
        case ".parquet":
            return packed(rows)
        case ".csv" | ".tsv":
            return table(rows, "," if kind == ".csv" else "\t")
        case _:
            return "\n\n".join(json.dumps(row) for row in rows).encode()


def table(rows: list[dict[str, Any]], delimiter: str) -> bytes:
    text = io.StringIO()
    names = list(dict.fromkeys(name for row in rows for name in row))
    writer = csv.DictWriter(text, names, delimiter=delimiter)
    writer.writeheader()
    writer.writerows(
        {k: json.dumps(v) if isinstance(v, list) else v for k, v in row.items()} for row in rows
    )
    return text.getvalue().encode(errors="surrogatepass")


def packed(rows: list[dict[str, Any]]) -> bytes:
    buffer = io.BytesIO()
    try:
        parquet.write_table(pyarrow.Table.from_pylist(rows), buffer)
    except (pyarrow.ArrowException, TypeError, UnicodeEncodeError):  # a column of two types
        return packed([GOOD["alpaca"]])
    return buffer.getvalue()


def damaged(whole: bytes, draw: random.Random) -> bytes:
    """The bytes with up to four places cut, turned, doubled or filled with something else."""
    made = bytearray(whole)
    for _ in range(draw.randrange(5)):
        start = draw.randrange(len(made) + 1)
        end = min(len(made), start + draw.choice((0, 1, 3, 40)))
        match draw.randrange(4):
            case 0:
                made[start:end] = draw.choice(PIECES)
            case 1:
                made[start:end] = made[start:end] * 2
            case 2 if start < len(made):
                made[start] ^= 1 << draw.randrange(8)
            case _:
                del made[start : draw.choice((end, len(made)))]
    return bytes(made)


@pytest.mark.parametrize("part", range(PARTS))
def test_no_damage_breaks_the_reading(part: int, tmp_path: Path, data: Config) -> None:
    draw = random.Random(part)
    whole = {kind: [content(kind, draw) for _ in range(40)] for kind in KINDS}
    formats = ("auto", "auto", "auto", "alpaca", "text", "guanaco", {"instruction": "a"})
    configs = [data(format=form) for form in formats]
    before, refused = peak_memory(), 0
    for number in range(INPUTS):
        kind = draw.choice(KINDS)
        path = tmp_path / f"my{number}{kind}"  # a file written over is slow: it is flushed
        path.write_bytes(damaged(draw.choice(whole[kind]), draw))
        refused += refuses(draw.choice(configs).model_copy(update={"path": str(path)}))
        path.unlink()
    assert peak_memory() - before < MOST_MEMORY
    assert INPUTS / 20 < refused < INPUTS * 19 / 20


def refuses(config: DataConfig) -> bool:
    """Whether its rows are refused by their place; rows that are read are whole."""
    try:
        rows = read(config)
    except DataError as error:
        return all("my" in problem for problem in error.problems) or pytest.fail(str(error))
    assert {row.messages[-1].role for row in rows} <= {"assistant", "text"}
    json.dumps(rows, ensure_ascii=False).encode()  # text all through
    return False


def peak_memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
