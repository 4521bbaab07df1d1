import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from entries import OPERATIONS, known
from syscalls import EVERY, Ending, endings

from epochwise.sweep.ledger import opened, read

SCRIPT = """
import sys
from pathlib import Path
sys.path.insert(0, {here!r})
import entries
entries.{work}(Path(sys.argv[1]){torn})
"""
DIES_WHILE_IT_WRITES = """
import os, signal, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA cache_size = 1")  # so that pages are written before the commit
connection.execute("BEGIN IMMEDIATE")
connection.execute("UPDATE runs SET state = 'failed', problem = hex(zeroblob(400))")
os.kill(os.getpid(), signal.SIGKILL)
"""
States = list[list[list[str | int]]]


def test_no_fault_at_a_file_system_call_loses_an_acknowledged_commit(tmp_path: Path) -> None:
    expect_no_loss(script("first", tmp_path), tmp_path, states(tmp_path / "plain.db"), 600)


def test_no_fault_loses_one_while_the_commit_of_a_killed_writer_is_taken_back(
    tmp_path: Path,
) -> None:
    file = script("after_a_kill", tmp_path, killed(tmp_path / "torn"))
    _nothing, added, claimed, *_ = states(tmp_path / "plain.db")
    expect_no_loss(file, tmp_path, [added, added, claimed], 400)


def expect_no_loss(file: Path, place: Path, expected: States, least: int) -> None:
    tried = 0
    for ending in endings(file, place):
        expect_the_last_acknowledged(ending, expected)
        expect_to_go_on(ending.folder / "ledger.db")
        tried += 1
    assert tried >= least // EVERY


def expect_the_last_acknowledged(ending: Ending, expected: States) -> None:
    """Or what the next operation leaves, whole; and who reads sees what the next writer finds."""
    did = [int(line.split()[1]) for line in ending.said if line.startswith("did")]
    acknowledged = max(did, default=0)
    allowed = expected[acknowledged : acknowledged + 2]
    path = ending.folder / "ledger.db"
    if "went on" in ending.said:
        (found,) = [line for line in ending.said if line.startswith("found")]
        assert json.loads(found.removeprefix("found ")) in allowed, ending
        allowed = [[*state, ["late", "late", "running", 1, ""]] for state in allowed]
    elif any(line.startswith("refused") for line in ending.said):
        pytest.fail(f"after an error the same ledger did not go on: {ending}")
    seen = known(read(path)) if path.exists() else []
    assert seen in allowed or (not did and seen == []), ending
    with opened(path) as ledger:
        assert known(ledger.entries()) == seen, ending


def expect_to_go_on(path: Path) -> None:
    with opened(path) as ledger:
        ledger.recover(lambda run: False)
        ledger.add([("last", "last")])
        claim = ledger.claim("last")
        assert claim is not None
        assert ledger.finish([("last", claim.attempt)]) == ("last",)
        assert ledger.connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def states(path: Path) -> States:
    """What the ledger says before the first operation and after each."""
    with opened(path) as ledger:
        left = [known(ledger.entries())]
        for operation in OPERATIONS:
            operation(ledger)
            left.append(known(ledger.entries()))
    return left


def killed(folder: Path) -> str:
    """Leaves a ledger as the first operation made it, with half of another commit; its argument."""
    folder.mkdir()
    path = folder / "ledger.db"
    with opened(path) as ledger:
        OPERATIONS[0](ledger)
    whole = path.read_bytes()
    died = subprocess.run([sys.executable, "-c", DIES_WHILE_IT_WRITES, str(path)], check=False)
    assert died.returncode == -signal.SIGKILL
    assert path.with_name("ledger.db-journal").exists()
    assert path.read_bytes() != whole
    return f", Path({str(folder)!r})"


def script(work: str, folder: Path, torn: str = "") -> Path:
    path = folder / f"{work}.py"
    path.write_text(SCRIPT.format(here=str(Path(__file__).parent), work=work, torn=torn))
    return path
