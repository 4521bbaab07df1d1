"""Each bad row is named by file, row, field, reason and remedy, in every kind of file."""

import csv
import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from bad_records import BAD, GOOD, Bad
from pyarrow import parquet

from epochwise.config import DataConfig
from epochwise.data.problems import DataError
from epochwise.data.rows import read

Config = Callable[..., DataConfig]
KINDS = (".jsonl", ".json", ".csv", ".parquet")
CASES = [(name, kind) for name, bad in BAD.items() for kind in KINDS if kind not in bad.not_in]
REMEDY = r"(fill|remove|write|add|expected|let them|mend|put)\b"


def write(path: Path, rows: Sequence[dict[str, Any]]) -> Path:
    match path.suffix:
        case ".json":
            path.write_text(json.dumps(rows))
        case ".jsonl":
            path.write_text("\n".join(map(json.dumps, rows)))
        case ".parquet":
            parquet.write_table(pyarrow.Table.from_pylist(list(rows)), path)
        case ".csv":
            names = list(dict.fromkeys(name for row in rows for name in row))
            with path.open("w", newline="", encoding="utf-8", errors="surrogatepass") as file:
                table = csv.DictWriter(file, names)
                table.writeheader()
                table.writerows({name: cell(value) for name, value in row.items()} for row in rows)
    return path


def cell(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, list | dict) else value


def rows_with(bad: Bad, kind: str) -> list[dict[str, Any]]:
    """The bad record between two good ones; alone where a column has but one type."""
    good = GOOD[bad.family]
    return [good, good | bad.fields, good] if kind != ".parquet" else [good | bad.fields]


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_a_bad_record_is_named(name: str, kind: str, tmp_path: Path, data: Config) -> None:
    bad = BAD[name]
    path = write(tmp_path / f"my{kind}", rows_with(bad, kind))
    form = {"pairs": "prompt_completion"}.get(bad.family, bad.family)
    with pytest.raises(DataError) as caught:
        read(data(path=str(path), format=form))
    place = {".jsonl": "my.jsonl line 2", ".parquet": "my.parquet row 1"}.get(
        kind, f"my{kind} row 2"
    )
    if name.endswith("half a character") and kind == ".csv" and "openai: half" not in name:
        assert re.search("my.csv line 3: is not UTF-8 at byte .*save", str(caught.value))
        return
    (problem,) = caught.value.problems
    assert re.match(rf"{place}: {bad.column} {bad.reason}", problem, re.DOTALL)
    assert re.search(REMEDY, problem)


def test_the_corpus_is_as_large_as_promised() -> None:
    assert len(BAD) >= 120
    assert all(sum(kind == case[1] for case in CASES) >= 60 for kind in KINDS)


@pytest.mark.parametrize("family", GOOD)
def test_all_that_is_wrong_with_a_file_is_told_in_one_pass(
    family: str, tmp_path: Path, data: Config
) -> None:
    wrong = [bad for bad in BAD.values() if bad.family == family]
    rows = [GOOD[family], *(GOOD[family] | bad.fields for bad in wrong)]
    path = write(tmp_path / "my.jsonl", rows)
    form = {"pairs": "prompt_completion"}.get(family, family)
    with pytest.raises(DataError) as caught:
        read(data(path=str(path), format=form))
    assert [
        re.match(r"my.jsonl line (\d+): (\w+)", line).groups() for line in caught.value.problems
    ] == [  # type: ignore[union-attr]
        (str(number), bad.column) for number, bad in enumerate(wrong, 2)
    ]
