"""Wall time of a study of 72 runs: as one sweep, and as 72 processes that share nothing.

The processes train the same runs on the same cores, twice: as many at a time as the sweep does,
of one thread each, where every number of every run must come out equal, bit for bit; and as a
loop in a shell runs them, one after the other with a thread for each core, where sums over other
threads may round otherwise. Prints each time, and its ratio to the sweep's.

    python benchmarks/sweep.py [--quick]
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

GRID = {
    "train.epochs": "1,2,3",
    "data.size": "250,500,1000",
    "peft.r": "4,8,16,32",
    "model": "world_1m,world_4m",
}
QUICK = {"train.epochs": "1,2", "data.size": "50,100", "peft.r": "4,8", "model": "world_1m"}
ALIKE = ("rows.npz", "adapter/adapter_model.safetensors", "journal.jsonl")
ALONE = """
import sys
from pathlib import Path
import torch
from epochwise.experiment import run_trunk
from epochwise.train.folder import load_experiment
here, there, name, threads = sys.argv[1:]
torch.set_num_threads(int(threads))
run_trunk({name: load_experiment(Path(here))}, Path(there))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="8 runs, to see that it works")
    grid = QUICK if parser.parse_args().quick else GRID
    with tempfile.TemporaryDirectory(prefix="epochwise-bench-") as folder:
        together, study = shared(grid, Path(folder))
        alone, looped = Path(folder) / "alone", Path(folder) / "looped"
        at_once = apart(study, alone, at_once=cores(), threads=1)
        in_turn = apart(study, looped, at_once=1, threads=cores())
        runs = sorted(path.name for path in (study / "runs").iterdir())
        differing = [run for run in runs if not equal(study, alone, run)]
        rounded = [run for run in runs if not equal(study, looped, run)]
    print(f"{len(runs)} runs on {cores()} cores; nothing shared: one process each")
    print(f"  epochwise sweep            {together:8.1f} s")
    print(f"  {cores()} at a time, one thread  {at_once:8.1f} s, ratio {at_once / together:.2f}")
    print(f"  in turn, {cores()} threads       {in_turn:8.1f} s, ratio {in_turn / together:.2f}")
    print(f"  runs whose numbers differ  {len(differing):8d} (in turn: {len(rounded)})")
    sys.exit(1 if differing else 0)


def shared(grid: dict[str, str], folder: Path) -> tuple[float, Path]:
    settings = [f"{key}={values}" for key, values in grid.items()]
    command = [sys.executable, "-m", "epochwise", "sweep", *settings, "study=bench"]
    begin = time.monotonic()
    subprocess.run([*command, "track=none", f"folder={folder}"], check=True, capture_output=True)
    return time.monotonic() - begin, next((folder / "bench").iterdir())


def apart(study: Path, folder: Path, *, at_once: int, threads: int) -> float:
    """Seconds for every run of the study again, each in a process of its own."""
    planned = json.loads((study / "study.json").read_text(encoding="utf-8"))["runs"]

    def train(run: str) -> None:
        here, there = study / "runs" / run, folder / run
        command = [sys.executable, "-c", ALONE, str(here), str(there), run, str(threads)]
        subprocess.run(command, check=True, capture_output=True)

    begin = time.monotonic()
    with ThreadPoolExecutor(at_once) as pool:
        list(pool.map(train, [run["id"] for run in planned]))
    return time.monotonic() - begin


def equal(study: Path, folder: Path, run: str) -> bool:
    there, here = study / "runs" / run, folder / run / "runs" / run
    return all((there / name).read_bytes() == (here / name).read_bytes() for name in ALIKE)


def cores() -> int:
    from epochwise.sweep.slots import slots

    return len(slots(None, 72))


if __name__ == "__main__":
    main()
