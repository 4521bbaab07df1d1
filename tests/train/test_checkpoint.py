import errno
import json
import math
import multiprocessing
import os
import random
import shutil
import signal
import time
from multiprocessing.connection import Connection
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from epochwise.train import checkpoint
from epochwise.train.checkpoint import Saved

SOAK = "EPOCHWISE_SOAK" in os.environ
KILLS = 300 if SOAK else 25
BITS = range(8) if SOAK else (0, 5)
FILES = ["tensors.safetensors", "counters.json", "MANIFEST.json"]


def trajectory(step: int, path: str = "a") -> str:
    return f"{step:04x}".rjust(12, path).ljust(64, path)


def saved(step: int, path: str = "a") -> Saved:
    tensors = {"weight": torch.tensor([step, 0.5]), "step": torch.tensor(float(step))}
    return Saved(step, trajectory(step, path), tensors, {"tokens": step * 100, "loss": step / 7})


PATH = {step: trajectory(step) for step in range(1, 40)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "checkpoints"


def found(folder: Path, path: dict[int, str] = PATH) -> int | None:
    """The step of the latest, which must be as it was saved, with nothing told."""
    latest = checkpoint.latest(folder, path, note=pytest.fail)
    return same(latest) if latest else None


def same(latest: Saved) -> int:
    wanted = saved(latest.step)
    assert latest._replace(tensors={}) == wanted._replace(tensors={})
    assert latest.tensors.keys() == wanted.tensors.keys()
    assert all(torch.equal(latest.tensors[name], wanted.tensors[name]) for name in wanted.tensors)
    return latest.step


def steps(folder: Path) -> list[int]:
    return sorted(int(path.name.split("-")[1]) for path in folder.iterdir())


def test_tensors_come_back_bit_for_bit(folder: Path) -> None:
    flat = torch.arange(12, dtype=torch.float32)
    kinds = [torch.bool, torch.uint8, torch.int64, torch.float16, torch.bfloat16, torch.float64]
    tensors = {str(kind): torch.tensor([[0, 1, 3]]).to(kind) for kind in kinds} | {
        "adam.step": torch.tensor(3.0),
        "empty": torch.zeros(0, 4),
        "odd": torch.tensor([math.nan, -math.nan, math.inf, -0.0, 1e-45]),
        "view": flat[:6].view(2, 3),
        "same storage": flat[3:],
        "transposed": torch.arange(6).view(2, 3).t(),
        "trained": torch.nn.Parameter(torch.ones(2)),
    }
    checkpoint.save(folder, Saved(3, PATH[3], tensors, {}))
    latest = checkpoint.latest(folder, PATH, note=pytest.fail)
    assert latest
    assert latest.tensors.keys() == tensors.keys()
    for name, tensor in tensors.items():
        back = latest.tensors[name]
        assert (back.dtype, back.shape) == (tensor.dtype, tensor.shape)
        assert bits(back) == bits(tensor)


def bits(tensor: torch.Tensor) -> bytes:
    return tensor.detach().contiguous().flatten().view(torch.uint8).numpy().tobytes()


def test_counters_come_back_exactly(folder: Path) -> None:
    counters = {"seconds": 0.1 + 0.2, "tiny": 5e-324, "zero": -0.0, "step": 2**70, "none": None}
    counters |= {"name": "überfit\n\ud800", "done": True, "points": [{"epoch": 1, "val": 1 / 3}]}
    checkpoint.save(folder, Saved(3, PATH[3], {}, counters))
    latest = checkpoint.latest(folder, PATH, note=pytest.fail)
    assert latest
    assert repr(latest.counters) == repr(counters)


def test_counters_that_are_not_finite_are_strict_json_and_come_back(folder: Path) -> None:
    counters = {"loss": math.nan, "norms": [math.inf, -math.inf]}
    path = checkpoint.save(folder, Saved(3, PATH[3], {}, counters))
    json.loads((path / "counters.json").read_bytes(), parse_constant=pytest.fail)
    latest = checkpoint.latest(folder, PATH, note=pytest.fail)
    assert latest
    assert repr(latest.counters) == repr(counters)


@pytest.mark.parametrize("value", [{1: 2}, (1, 2), {"not finite": 1}, b"1", Path("a")])
def test_a_counter_that_json_would_change_is_refused(folder: Path, value: Any) -> None:
    with pytest.raises(TypeError, match="counters hold"):
        checkpoint.save(folder, Saved(3, PATH[3], {}, {"deep": [value]}))
    assert not folder.exists()


@pytest.mark.parametrize("file", FILES)
def test_any_bit_turned_is_seen_told_and_the_one_before_is_used(folder: Path, file: str) -> None:
    checkpoint.save(folder, saved(1))
    path = checkpoint.save(folder, saved(2)) / file
    whole = path.read_bytes()
    for place in range(len(whole)):
        for bit in BITS:
            turned = bytes([whole[place] ^ (1 << bit)])
            path.write_bytes(whole[:place] + turned + whole[place + 1 :])
            expect_the_one_before(folder)


@pytest.mark.parametrize("file", FILES)
def test_a_file_cut_anywhere_is_seen_told_and_the_one_before_is_used(
    folder: Path, file: str
) -> None:
    checkpoint.save(folder, saved(1))
    path = checkpoint.save(folder, saved(2)) / file
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        expect_the_one_before(folder)
    path.write_bytes(whole + b"\0")
    expect_the_one_before(folder)
    path.unlink()
    expect_the_one_before(folder)


def expect_the_one_before(folder: Path) -> None:
    notes: list[str] = []
    latest = checkpoint.latest(folder, PATH, note=notes.append)
    assert latest
    assert same(latest) == 1
    assert len(notes) == 1
    assert "step-00000002" in notes[0]
    assert notes[0].endswith("the one before it is used")


def test_the_note_says_what_is_wrong(folder: Path) -> None:
    path = checkpoint.save(folder, saved(1))
    size = (path / "counters.json").write_bytes(b"{}")
    notes: list[str] = []
    assert checkpoint.latest(folder, PATH, note=notes.append) is None
    assert notes == [
        f"checkpoint {path} cannot be used: its counters.json ({size} bytes) is not as it was "
        "written; there is none before it"
    ]


def test_a_checkpoint_in_an_unknown_format_is_told_and_passed_over(folder: Path) -> None:
    checkpoint.save(folder, saved(1))
    path = checkpoint.save(folder, saved(2)) / "MANIFEST.json"
    path.write_text(path.read_text().replace('"format": 1', '"format": 2'))
    notes: list[str] = []
    latest = checkpoint.latest(folder, PATH, note=notes.append)
    assert latest
    assert latest.step == 1
    assert "in format 2, and this version reads format 1" in notes[0]


def test_a_folder_with_nothing_has_no_latest(folder: Path) -> None:
    assert found(folder) is None
    folder.mkdir()
    assert found(folder) is None


def test_a_checkpoint_of_another_path_is_not_considered(folder: Path) -> None:
    checkpoint.save(folder, saved(1))
    checkpoint.save(folder, saved(2, path="b"))
    assert found(folder) == 1
    assert found(folder, {2: trajectory(2, "c")}) is None


def test_a_name_alone_does_not_make_a_checkpoint_of_this_path(folder: Path) -> None:
    path = checkpoint.save(folder, saved(1))
    notes: list[str] = []
    longer = {1: PATH[1][:12].ljust(64, "0")}
    assert checkpoint.latest(folder, longer, note=notes.append) is None
    assert str(path) in notes[0]


def test_the_two_newest_and_those_that_are_asked_for_are_kept(folder: Path) -> None:
    for step in range(1, 7):
        checkpoint.save(folder, saved(step), keep=[PATH[2], "0" * 64])
    assert steps(folder) == [2, 5, 6]
    checkpoint.save(folder, saved(7))
    assert steps(folder) == [6, 7]


def test_a_branch_that_starts_again_from_a_kept_state_keeps_what_it_saves(folder: Path) -> None:
    for step in (10, 20, 30):
        checkpoint.save(folder, saved(step), keep=[PATH[10]])
    checkpoint.save(folder, saved(15, path="b"), keep=[PATH[10]])
    checkpoint.save(folder, saved(20, path="b"), keep=[PATH[10]])
    checkpoint.save(folder, saved(25, path="b"), keep=[PATH[10]])
    assert [path.name for path in sorted(folder.iterdir())] == [
        f"step-{step:08d}-{trajectory(step, path)[:12]}"
        for step, path in [(10, "a"), (20, "b"), (25, "b")]
    ]


def test_what_is_there_and_whole_is_not_written_again(folder: Path) -> None:
    path = checkpoint.save(folder, saved(1))
    before = path.stat().st_ino
    assert checkpoint.save(folder, saved(1)) == path
    assert path.stat().st_ino == before


@pytest.mark.parametrize("file", FILES)
def test_what_is_there_but_damaged_is_replaced(folder: Path, file: str) -> None:
    path = checkpoint.save(folder, saved(1))
    (path / file).write_bytes(b"{")
    checkpoint.save(folder, saved(1))
    assert found(folder) == 1
    assert steps(folder) == [1]


def test_leftovers_of_killed_savers_are_swept_and_what_is_not_ours_stays(folder: Path) -> None:
    names = [".partial-notes", "step-1-mine", "step-00000001-0123456789AB", "best", ".hidden"]
    for name in [".partial-step-00000002-00000000000a", ".removed-step-00000001-00000000000a"]:
        (folder / name).mkdir(parents=True)
        (folder / name / "tensors.safetensors").write_bytes(b"half")
    for name in names:
        (folder / name).mkdir()
    (folder / "step-00000009-0123456789ab").write_text("a file")
    assert found(folder, PATH | {9: "0123456789ab"}) is None
    for step in range(1, 4):
        checkpoint.save(folder, saved(step))
    ours = [f"step-{step:08d}-{PATH[step][:12]}" for step in (2, 3)]
    assert {path.name for path in folder.iterdir()} == {
        *names,
        "step-00000009-0123456789ab",
        *ours,
    }


def test_a_disk_too_small_is_said_in_words_before_anything_is_written(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alike = checkpoint.save(folder.with_name("roomy"), saved(2))
    size = sum(file.stat().st_size for file in alike.iterdir())
    checkpoint.save(folder, saved(1))
    free = SimpleNamespace(free=2 * size - 1)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: free)
    with pytest.raises(OSError, match="too little disk space") as problem:
        checkpoint.save(folder, saved(2))
    assert problem.value.errno == errno.ENOSPC
    for word in (f"{2 * size} bytes needed", f"{2 * size - 1} free", str(folder), "free some"):
        assert word in str(problem.value)
    assert steps(folder) == [1]

    free.free += 1
    checkpoint.save(folder, saved(2))
    assert found(folder) == 2


def test_kills_at_any_moment_lose_nothing_that_was_acknowledged(folder: Path) -> None:
    draw, acknowledged = random.Random(0), 0
    for _ in range(KILLS):
        acknowledged = max(acknowledged, killed_after(draw.uniform(0, 0.03), folder, acknowledged))
        notes: list[str] = []
        latest = checkpoint.latest(folder, ENDLESS, note=notes.append)
        assert notes == []
        assert (same(latest) if latest else 0) >= acknowledged
    print(f"{KILLS} kills, {acknowledged} acknowledged checkpoints, none lost")
    assert acknowledged >= KILLS


ENDLESS = {step: trajectory(step) for step in range(1, 60_000)}


def killed_after(seconds: float, folder: Path, acknowledged: int) -> int:
    """The last step that a process acknowledged in this time, counted from its first."""
    fork = multiprocessing.get_context("fork")
    pipe, theirs = fork.Pipe(duplex=False)
    process = fork.Process(target=save_for_ever, args=(folder, acknowledged, theirs))
    process.start()
    theirs.close()
    assert pipe.poll(60)
    time.sleep(seconds)
    process.kill()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    last = acknowledged
    try:
        while True:
            last = pipe.recv()
    except EOFError:
        return last


def save_for_ever(folder: Path, step: int, pipe: Connection) -> None:
    while True:
        step += 1
        checkpoint.save(folder, saved(step))
        pipe.send(step)
