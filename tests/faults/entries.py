"""What is done to a ledger one after the other, and scripts that do it, for `syscalls`."""

import json
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from epochwise.sweep.ledger import Entry, Ledger, opened

OPERATIONS = (
    lambda ledger: ledger.add((f"{trunk}{i}", trunk) for trunk in "stu" for i in range(20)),
    lambda ledger: ledger.claim("s"),
    lambda ledger: ledger.finish([("s0", 1), ("s1", 1)]),
    lambda ledger: ledger.recover({"s2", "u2"}.__contains__),
)
OF_THE_TORN = OPERATIONS[:2]


def work(path: Path, operations: Sequence[Callable[[Ledger], object]]) -> None:
    """Each operation, told when it is done; after one that failed the same ledger goes on."""
    os.access("/epochwise-begin", 0)
    with opened(path) as ledger:
        print("did 0", flush=True)
        for number, operation in enumerate(operations, 1):
            try:
                operation(ledger)
            except OSError as error:
                print("refused", error, flush=True)
                go_on(ledger)
                break
            print(f"did {number}", flush=True)
    os.access("/epochwise-end", 0)


def go_on(ledger: Ledger) -> None:
    print("found", json.dumps(known(ledger.entries())), flush=True)
    ledger.add([("late", "late")])
    assert ledger.claim("late")
    print("went on", flush=True)


def known(entries: list[Entry]) -> list[list[str | int]]:
    """What the entries say but for the times."""
    return [[e.run, e.trunk, str(e.state), e.attempt, e.problem] for e in entries]


def first(folder: Path) -> None:
    work(folder / "ledger.db", OPERATIONS)


def after_a_kill(folder: Path, torn: Path) -> None:
    """A ledger that a killed writer left in the middle of a commit is opened."""
    shutil.copytree(torn, folder, dirs_exist_ok=True)
    work(folder / "ledger.db", OF_THE_TORN)
