"""Random damage: a bounded dose here, a long one with `make soak`."""

import os
import random
from pathlib import Path

import pytest

from epochwise.cli import main
from epochwise.train import journal

SOAK = "EPOCHWISE_SOAK" in os.environ
COMMANDS = 2000 if SOAK else 25
KEYS = ["train.epochs", "data.size", "peft.r", "model", "peft", "train.learning_rate", "study"]
VALUES = ["1", "0", "-3", "nan", "[1", "{a:1}", "lora", "world_1m", "'", "${x}", "null", "1,2", ""]


@pytest.mark.parametrize("seed", range(COMMANDS))
def test_a_random_command_is_composed_or_refused_but_never_breaks(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    draw = random.Random(seed)
    settings = [f"{damaged(draw.choice(KEYS), draw)}={draw.choice(VALUES)}" for _ in range(3)]
    status = main(["train", *settings, "--cfg", "job"])
    told = capsys.readouterr()
    assert status in (0, 2)
    assert "Traceback" not in told.err + told.out
    refused = "in the settings" in told.err or "error: argument" in told.err
    assert (status == 2) == refused
    assert not list(tmp_path.iterdir())


def damaged(text: str, draw: random.Random) -> str:
    """The text with one character dropped, doubled or replaced, two times in three."""
    place = draw.randrange(len(text))
    letter = draw.choice(["", text[place] * 2, draw.choice("abc._-+~@/ ")])
    return text if draw.random() < 1 / 3 else text[:place] + letter + text[place + 1 :]


def test_a_journal_cut_anywhere_keeps_every_whole_row(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    rows = [{"kind": "step", "step": step, "loss": step / 7} for step in range(40 if SOAK else 6)]
    for row in rows:
        journal.append(path, row)
    whole = path.read_bytes()
    for length in range(len(whole) + 1):
        path.write_bytes(whole[:length])
        assert journal.read(path) == rows[: whole[:length].count(b"\n")]


def test_a_journal_with_any_bit_turned_is_refused_or_shorter(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    rows = [{"kind": "step", "step": step, "loss": step / 7} for step in range(3)]
    for row in rows:
        journal.append(path, row)
    whole = path.read_bytes()
    bits = range(8) if SOAK else (0, 5)
    for place in range(len(whole)):
        for bit in bits:
            path.write_bytes(
                whole[:place] + bytes([whole[place] ^ (1 << bit)]) + whole[place + 1 :]
            )
            try:
                found = journal.read(path)
            except ValueError:
                continue
            assert len(found) < len(rows)
            assert found == rows[: len(found)]
