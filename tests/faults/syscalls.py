"""A fault at every file-system call: a script runs under strace, once for each call it makes.

The script works in the folder that is its only argument, in one process with one thread and with
the standard library and epochwise alone, between `os.access(BEGIN, 0)` and `os.access(END, 0)`:
the start of the interpreter is not put to the test. It prints what it has acknowledged.
"""

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

SOAK = "EPOCHWISE_SOAK" in os.environ
EVERY = 1 if SOAK else 11  # a bounded dose in normal runs; odd, so that it meets all effects
SOURCE = Path(__file__).parents[2] / "src"
BEGIN, END = "/epochwise-begin", "/epochwise-end"
MARKERS = {"access", "faccessat", "faccessat2"}
MEMORY = {"mmap"}  # mostly the interpreter's own
KILL = "signal=SIGKILL"
TAKE_SPACE = {"open", "openat", "creat", "mkdir", "mkdirat", "write", "pwrite64", "writev", "fsync"}
TAKE_SPACE |= {"fdatasync", "ftruncate", "fallocate", "rename", "renameat", "renameat2", "close"}


class Fault(NamedTuple):
    call: str
    number: int
    """Of the calls of this name since the process began, as strace counts them."""
    effect: str


class Ending(NamedTuple):
    """How the script ended after a fault."""

    fault: Fault
    folder: Path
    status: int
    """Negative when a signal ended it; 0 when the fault did no harm."""
    said: list[str]
    """The whole lines that it printed."""


def endings(script: Path, place: Path) -> Iterator[Ending]:
    """The script after one fault at a time, each in a new folder; every fault has struck.

    The number of faults that there are, and of those that are tried, is printed.
    """
    skip_without_strace()
    between_markers(script, place / "warm-up", "%file")  # compiles what the script imports
    faults = _faults(script, place / "plain")
    tried = faults[::EVERY]
    print(f"{script.name}: {len(tried)} of {len(faults)} faults at file-system calls")
    for fault in tried:
        folder = place / f"{fault.call}-{fault.number}-{fault.effect.partition('=')[2]}"
        yield _ending(script, folder, fault)
        shutil.rmtree(folder)


def between_markers(script: Path, folder: Path, calls: str) -> list[str]:
    """The calls of these names that the script makes, with the paths of what they handle."""
    ran, trace = _run(script, folder, ["-y", "-e", f"trace={calls},{_optional(MARKERS)}"])
    assert ran.returncode == 0, ran.stderr
    return _parts(trace)[1].splitlines()[1:-1]


def skip_without_strace() -> None:
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    trial = subprocess.run(["strace", "-o", os.devnull, "true"], capture_output=True, text=True)
    if trial.returncode != 0:
        pytest.skip(f"strace cannot trace here: {trial.stderr.strip()}")


def _faults(script: Path, folder: Path) -> list[Fault]:
    """All that can be tried, from a run without any."""
    ran, trace = _run(script, folder, ["-e", "trace=%file,%desc"])
    assert ran.returncode == 0, ran.stderr
    before, during = _parts(trace)
    counts = Counter(_names(before))
    faults = []
    for call in _names(during):
        counts[call] += 1
        effects = [KILL, "error=EIO"] + ["error=ENOSPC"] * (call in TAKE_SPACE)
        faults += [Fault(call, counts[call], effect) for effect in effects]
    return [fault for fault in faults if fault.call not in MARKERS | MEMORY]


def _ending(script: Path, folder: Path, fault: Fault) -> Ending:
    inject = f"inject={fault.call}:{fault.effect}:when={fault.number}"
    options = ["-e", f"trace={fault.call},{_optional(MARKERS)}", "-e", inject]
    if fault.effect != KILL:  # strace 6.1 sends no signal with it
        options.append("--seccomp-bpf")
    ran, trace = _run(script, folder, options)
    _before, during = _parts(trace)
    struck = "killed by SIGKILL" if fault.effect == KILL else "(INJECTED)"
    assert struck in during, (fault, trace)
    whole, _newline, _torn = ran.stdout.rpartition("\n")
    return Ending(fault, folder, ran.returncode, whole.splitlines())


def _run(
    script: Path, folder: Path, options: list[str]
) -> tuple[subprocess.CompletedProcess[str], str]:
    """The script's end, and the calls that strace has seen."""
    folder.mkdir()
    trace = folder.with_name(f"{folder.name}.trace")
    strace = ["strace", "-f", "-o", str(trace), *options]
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONHASHSEED": "0",
        "PYTHONPATH": str(SOURCE),
        "PYTHONPYCACHEPREFIX": str(folder.parent / "bytecode"),  # nobody else writes there
    }
    command = [*strace, sys.executable, "-S", str(script), str(folder)]
    ran = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60)
    text = trace.read_text()
    trace.unlink()
    return ran, text


def _parts(trace: str) -> tuple[str, str]:
    """What came before the script began, and from there to its end or death."""
    before, begin, rest = trace.partition(BEGIN)
    assert begin, f"the script did not come to {BEGIN}: {trace[-2000:]}"
    return before, rest.partition(END)[0]


def _names(trace: str) -> list[str]:
    return re.findall(r"^\d+ +(\w+)\(", trace, re.MULTILINE)


def _optional(calls: set[str]) -> str:
    """For strace: those of these calls that this kind of processor has."""
    return ",".join(f"?{call}" for call in sorted(calls))
