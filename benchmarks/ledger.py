"""The ledger of a study: how fast a large one opens, and how many runs a second are claimed.

    python benchmarks/ledger.py [--runs 100000] [--claims 1000]

Commits are as durable as in a sweep, so the rates are those of the disk that --folder is on.
"""

import argparse
import multiprocessing
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from epochwise.sweep.ledger import State, opened, read

REPEATS = 5
OPEN = "from pathlib import Path; from epochwise.sweep.ledger import opened\n"
COUNT = "with opened(Path({path!r})) as ledger: ledger.counts()"
TIMED = "import time; start = time.perf_counter()\n{}\nprint(time.perf_counter() - start)"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=100_000)
    parser.add_argument("--claims", type=int, default=1000)
    parser.add_argument("--folder", type=Path, help="where to write; else the system's TMPDIR")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        size(Path(folder) / "large.db", arguments.runs)
        for processes in (1, 16):
            rate(Path(folder) / f"{processes}.db", arguments.claims, processes)


def size(path: Path, runs: int) -> None:
    """Prints how long it takes to make, open, count and read a ledger of single-run trunks."""
    show(f"adding {runs:,} runs", seconds(lambda: fill(path, runs)))
    fresh = statistics.median(new_process(path) for _ in range(REPEATS))
    show(f"opening {runs:,} runs and counts(), in a new process", fresh)
    show(f"reading {runs:,} runs", seconds(lambda: read(path)))
    print(f"  {path.stat().st_size / 2**20:.1f} MiB")


def new_process(path: Path) -> float:
    """Seconds from importing the ledger to its counts, with no cache of SQLite's."""
    code = TIMED.format(OPEN + COUNT.format(path=str(path)))
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return float(done.stdout)


def rate(path: Path, claims: int, processes: int) -> None:
    """Prints how many runs a second are claimed and finished, each in a commit of its own."""
    fill(path, claims)
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=claim_all, args=(path,)) for _ in range(processes)]

    def work() -> None:
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()

    taken = seconds(work)
    assert {entry.state for entry in read(path)} == {State.DONE}
    plural = "process" if processes == 1 else "processes"
    print(f"  {processes} {plural}: {2 * claims / taken:.0f} commits/s (claim, then finish)")


def claim_all(path: Path) -> None:
    with opened(path) as ledger:
        while claim := ledger.claim():
            ledger.finish([(run, claim.attempt) for run in claim.runs])


def fill(path: Path, runs: int) -> None:
    with opened(path) as ledger:
        ledger.add((f"run-{i:06}", f"trunk-{i:06}") for i in range(runs))


def seconds(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def show(what: str, taken: float) -> None:
    print(f"  {what}: {taken * 1000:.0f} ms")


if __name__ == "__main__":
    main()
