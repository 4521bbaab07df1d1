"""What tracking costs a step, also while W&B's server fails: a run's steps with and without it.

    python benchmarks/tracking.py [--steps 150] [--repeats 3]

First the processor seconds that W&B takes for a study as large as the default one, kept offline,
all told: 30 runs of 180 rows. They are the tracker's, not the clock's, so that other programs on
the machine hardly change them.

Then steps. A process trains nothing but multiplies matrices for about 20 ms a step and journals
each, as a run does; beside it the tracker follows. A ratio is to steps without a tracker right
before; of each the fastest tenth counts, as other programs disturb the rest. Lowest and highest in
brackets.
"""

import argparse
import multiprocessing
import os
import resource
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

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

SIZE = 700
RUNS, ROWS = 30, 180
CASES = {"offline": ("offline", "none"), "online": ("online", "none")} | {
    f"online, {fault}": ("online", fault) for fault in ("401", "429", "500", "hang", "dead")
}
follower.PATIENCE = 2.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    os.environ["WANDB_API_KEY"] = "0" * 40
    print(f"{RUNS} runs of {ROWS} rows: {processor_seconds():.1f} processor seconds")
    ratios: dict[str, list[float]] = {case: [] for case in CASES}
    with Server() as server:
        os.environ["WANDB_BASE_URL"] = server.url  # before the first fork: all inherit it
        for _ in range(options.repeats):
            for case, (mode, fault) in CASES.items():
                server.fault = fault
                alone = fastest(steps("none", "offline", options.steps))
                ratios[case].append(fastest(steps("wandb", mode, options.steps)) / alone)
    for case, found in ratios.items():
        middle = statistics.median(found)
        print(f"{case:13} {middle:.4f} ({min(found):.4f} to {max(found):.4f})")


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


def fastest(seconds: list[float]) -> float:
    """The mean of the fastest tenth."""
    return statistics.mean(sorted(seconds)[: len(seconds) // 10])


def steps(name: str, mode: str, count: int) -> list[float]:
    """Seconds of each step, without the first tenth."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place:
        folder = Path(place)
        (folder / "log").mkdir()
        planned = (PlannedRun("run", "label", {}, "trunk"),)
        Study("tracking", "", "", {}, {}, planned).save(folder)
        with follower.tracked(folder, _track(name, mode), fork_server(())):
            run = runs.begin(folder, "run", Experiment.model_validate(SETTINGS))
            if name != "none":
                time.sleep(4)  # the tracker has imported what it needs
            return [_step(run, step) for step in range(count)][count // 10 :]


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
