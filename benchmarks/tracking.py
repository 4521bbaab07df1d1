"""What tracking in W&B costs: processor seconds, and what a step loses, also while a server fails.

    python benchmarks/tracking.py [--pairs 20]

First the processor seconds that W&B takes for a study as large as the default one, kept offline,
all told: 30 runs of 180 rows. They are the tracker's, not the clock's, so that other programs on
the machine hardly change them.

Then steps. A process multiplies matrices on all cores for about 100 ms a step and journals each,
as a run does; beside it the tracker follows. For 20 steps the tracker and all that belongs to it is
halted, for the next 20 it goes on, and so by turns: a machine's moods are longer than that. What it
has missed it catches up with, so a step seems to lose up to twice what it does. Shown is the median
ratio of neighbours, and its quartiles.
"""

import argparse
import multiprocessing
import os
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import psutil

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import runs
from short_study import SETTINGS
from wandb_server import Server

from epochwise.config import Experiment, TrackConfig
from epochwise.record import PlannedRun, Study
from epochwise.sweep import follower
from epochwise.sweep.local import fork_server
from epochwise.train.folder import RunFolder
from epochwise.train.track import follow

SIZE = 1200
BLOCK = 20  # steps
RUNS, ROWS = 30, 180
CASES = {"offline": ("offline", "none"), "online": ("online", "none")} | {
    f"online, {fault}": ("online", fault) for fault in ("401", "429", "500", "hang", "dead")
}
follower.PATIENCE = 2.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=20, help="blocks of steps with and without")
    pairs = parser.parse_args().pairs
    os.environ["WANDB_API_KEY"] = "0" * 40
    print(f"{RUNS} runs of {ROWS} rows: {processor_seconds():.1f} processor seconds", flush=True)
    with Server() as server:
        os.environ["WANDB_BASE_URL"] = server.url  # before the first fork: all inherit it
        for case, (mode, fault) in CASES.items():
            server.fault = fault
            low, middle, high = np.quantile(ratios(mode, pairs), [0.25, 0.5, 0.75])
            print(f"{case:13} {middle:.4f} ({low:.4f} to {high:.4f})", flush=True)


def processor_seconds() -> float:
    """Of the tracker and all its children, from the first import to the last file."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place:
        folder = Path(place)
        planned = tuple(PlannedRun(f"run{n}", f"label {n}", {}, "trunk") for n in range(RUNS))
        Study("tracking", "", "", {}, {}, planned).save(folder)
        for run in planned:
            opened = runs.begin(folder, run.id, Experiment.model_validate(SETTINGS))
            for step in range(ROWS):
                opened.note(_row(step, 0.5))
        stop, ours = multiprocessing.Pipe(duplex=False)
        ours.close()
        before = _of_children()
        tracker = multiprocessing.get_context("fork").Process(
            target=follow, args=(folder, _track("wandb", "offline"), stop)
        )
        tracker.start()
        tracker.join()
        return _of_children() - before


def _of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def ratios(mode: str, pairs: int) -> list[float]:
    """Of each pair of blocks, the time of a step while the tracker runs over that without it."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place:
        folder = Path(place)
        (folder / "log").mkdir()
        planned = (PlannedRun("run", "label", {}, "trunk"),)
        Study("tracking", "", "", {}, {}, planned).save(folder)
        with follower.tracked(folder, _track("wandb", mode), fork_server(())):
            run = runs.begin(folder, "run", Experiment.model_validate(SETTINGS))
            _block(run, 0)
            time.sleep(4)  # the tracker has imported what it needs
            found = []
            for pair in range(pairs):
                with halted():
                    without = _block(run, BLOCK * (2 * pair + 1))
                found.append(_block(run, BLOCK * (2 * pair + 2)) / without)
            return found


@contextmanager
def halted() -> Iterator[None]:
    """All processes but this one: the tracker's, and the service that W&B detaches."""
    own = psutil.Process()
    others = [*own.children(recursive=True)]
    others += [each for each in psutil.process_iter(["name"]) if each.info["name"] == "wandb-core"]
    for process in others:
        process.suspend()
    try:
        yield
    finally:
        for process in others:
            process.resume()


def _block(run: RunFolder, first: int) -> float:
    """Seconds of its steps."""
    return sum(_step(run, first + step) for step in range(BLOCK))


def _step(run: RunFolder, step: int) -> float:
    start = time.perf_counter()
    matrix = np.full((SIZE, SIZE), 0.5)
    matrix = matrix @ matrix @ matrix
    run.note(_row(step, float(matrix[0, 0])))
    return time.perf_counter() - start


def _row(step: int, grad_norm: float) -> dict[str, Any]:
    row = {"kind": "step", "step": step, "epoch": step / 10, "tokens": step, "loss": 1.0}
    return row | {"learning_rate": 1e-3, "grad_norm": grad_norm}


def _track(name: str, mode: str) -> TrackConfig:
    return TrackConfig.model_validate({"name": name, "mode": mode, "project": "tests", "tags": []})


if __name__ == "__main__":
    main()
