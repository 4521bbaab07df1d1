"""Sets larger than memory."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from epochwise.cache import cache_folder
from epochwise.config import DataConfig
from epochwise.data import kept as home
from epochwise.data.formats import Message, Row
from epochwise.data.rows import kept, read
from epochwise.data.split import split_for

Config = Callable[..., DataConfig]
CALLED = Message("assistant", "", calls=('{"name": "f", "arguments": {}}',), trained=False)


def test_rows_come_back_from_disk_as_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(home, "NEAR", 4)
    rows = home.Kept()
    given = [
        Row((Message("user", f"ü{n}", "x" * n), CALLED), ("{}",), "r", "s", "k", "p", "o")
        for n in range(9)
    ]
    for row in given:
        rows.append(row)
    assert len(rows._near) == 2
    assert list(rows) == given
    assert rows[-1] == given[-1]
    assert rows[1:4] == given[1:4]
    with pytest.raises(IndexError):
        rows[9]
    assert all(not path.name.startswith("tmp") for path in cache_folder().iterdir())


def test_a_set_on_disk_is_split_as_one_in_memory(
    tmp_path: Path, data: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [json.dumps({"instruction": f"q{n % 90}", "output": f"a{n}"}) for n in range(100)]
    (tmp_path / "my.jsonl").write_text("\n".join(lines))
    config = data(path=str(tmp_path / "my.jsonl"), size=40, val_size=20)
    near = read(config)
    monkeypatch.setattr(home, "NEAR", 10)
    assert split_for(config, kept(config)) == split_for(config, near)


def test_memory_does_not_grow_with_the_set(tmp_path: Path) -> None:
    path = tmp_path / "my.jsonl"
    with path.open("w") as file:
        for number in range(2000):
            file.write(json.dumps({"instruction": f"{number}", "output": "x" * 100_000}) + "\n")
    code = (
        "import resource, sys\n"
        "from epochwise.config import DataConfig\n"
        "from epochwise.data import kept\n"
        "from epochwise.data.rows import kept as rows\n"
        "kept.NEAR = 10_000_000\n"
        "config = DataConfig(name='', path=sys.argv[1], format='auto', size=1, val_size=1, seed=0,"
        " max_tokens=8, too_long='drop', train_on='all')\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "assert len(rows(config)) == 2000\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], check=True, capture_output=True, text=True
    )
    assert int(done.stdout) < 150_000  # KiB, of 200 MB
