import re
from pathlib import Path

import pytest
from saves import TRAJECTORIES, state
from syscalls import EVERY, Ending, between_markers, endings, skip_without_strace

from epochwise.train import durable

SCRIPT = """
import sys
from pathlib import Path
sys.path.insert(0, {here!r})
import saves
saves.{work}(Path(sys.argv[1]) / "checkpoints")
"""


@pytest.mark.parametrize("work", ["first", "after_a_kill"])
def test_no_fault_at_a_file_system_call_loses_an_acknowledged_checkpoint(
    work: str, tmp_path: Path
) -> None:
    tried = 0
    for ending in endings(script(work, tmp_path), tmp_path):
        expect_the_last_acknowledged(ending)
        expect_to_go_on(ending.folder / "checkpoints")
        tried += 1
    assert tried >= 400 // EVERY


def test_every_byte_reaches_the_disk_before_the_name_and_the_name_before_the_word(
    tmp_path: Path,
) -> None:
    skip_without_strace()
    calls = between_markers(script("first", tmp_path), tmp_path / "run", "fsync,rename,write")
    steps = [step for call in calls if (step := milestone(call))]
    save = [
        *("wrote tensors", "synced tensors"),
        *("wrote counters", "synced counters"),
        *("wrote MANIFEST.json", "synced MANIFEST.json"),
        *("synced .partial-step", "renamed .partial-step"),
        *("synced checkpoints", "synced run"),
    ]
    assert steps == 3 * [*save, "said"] + [*save, "renamed step", "said"]


def script(work: str, folder: Path) -> Path:
    path = folder / f"{work}.py"
    path.write_text(SCRIPT.format(here=str(Path(__file__).parent), work=work))
    return path


def expect_the_last_acknowledged(ending: Ending) -> None:
    """Whole, or a newer one that is whole; and nothing but the planted damage is told."""
    acknowledged = int(ending.said[-1].removeprefix("saved ")) if ending.said else 0
    notes: list[str] = []
    found = durable.latest(ending.folder / "checkpoints", TRAJECTORIES, note=notes.append)
    assert (found.step if found else 0) >= acknowledged, ending
    assert found is None or found == state(found.step), ending
    assert all("tensors (6 bytes) is not as it was written" in note for note in notes), ending


def expect_to_go_on(folder: Path) -> None:
    durable.save(folder, state(6))
    durable.save(folder, state(7))
    assert durable.latest(folder, TRAJECTORIES, note=pytest.fail) == state(7)
    assert sorted(int(path.name.split("-")[1]) for path in folder.iterdir()) == [6, 7]


def milestone(call: str) -> str:
    """A line of strace in words: what was done, and the last part of the path."""
    done = {"fsync": "synced", "rename": "renamed", "write": "wrote"}
    match = re.search(r"(\w+)\((?:1<|\d+<|\")([^>\"]*)", call)
    assert match, call
    name = Path(match[2]).name
    if call.split()[1].startswith("write(1<"):
        return "said" if "saved" in call else ""
    return f"{done[match[1]]} {re.sub(r'step-.*', 'step', name)}"
