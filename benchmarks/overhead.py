"""What the supervisor costs: a study of 500 runs that do nothing but leave their folders.

python benchmarks/overhead.py
"""

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import runs as folders

from epochwise.config import ONE_DEVICE, Experiment
from epochwise.record import Record, Tick
from epochwise.sweep import ledger
from epochwise.sweep.local import Local, fork_server
from epochwise.sweep.plan import Trunk
from epochwise.sweep.slots import slots
from epochwise.sweep.supervisor import Outcome, Supervisor
from epochwise.sweep.worker import Job
from epochwise.train.stop import Stop

RUNS = 500


class Nobody:
    """An audience that does not listen."""

    def started(self, trunk: Trunk) -> None: ...

    def ticked(self, trunk: Trunk, tick: Tick) -> None: ...

    def finished(self, record: Record) -> None: ...

    def ended(self, outcome: Outcome) -> None: ...


def leave(
    job: Job, runs: dict[str, Experiment], on_step: Callable[[Tick], None], stop: Stop
) -> None:
    for run, experiment in runs.items():
        folders.complete(job.folder, run, experiment)


def main() -> None:
    from epochwise.compose.check import plan

    (config,) = plan(["train.epochs=1"]).configs
    trunks = [Trunk(f"t{n}", {f"run{n}": config.experiment}, 1, 1) for n in range(RUNS)]
    with tempfile.TemporaryDirectory(prefix="epochwise-bench-") as place:
        folder = Path(place)
        begin = time.monotonic()
        for trunk in trunks:
            for run, experiment in trunk.runs.items():
                folders.complete(folder / "by_hand", run, experiment)
        by_hand = time.monotonic() - begin
        begin = time.monotonic()
        with ledger.opened(folder / "ledger.db") as book:
            book.add((run, trunk.id) for trunk in trunks for run in trunk.runs)
            executor = Local(fork_server(("epochwise.record",)), leave, slots(None, RUNS))
            Supervisor(book, executor, Nobody()).supervise(trunks, folder, ONE_DEVICE)
        supervised = time.monotonic() - begin
        done = len(list(folder.glob("runs/*/DONE")))
    print(f"{done} empty runs")
    print(f"  written one after the other {1000 * by_hand / RUNS:8.1f} ms a run")
    print(f"  through the supervisor      {1000 * supervised / RUNS:8.1f} ms a run")


if __name__ == "__main__":
    main()
