"""Wall time of a study of 72 runs: as one sweep, and as 72 processes that share nothing.

Both sides train the same runs on the same cores, as many at a time, and every number of every run
must come out equal, bit for bit. Prints both times and their ratio.

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
torch.set_num_threads(1)
here, there, name = sys.argv[1:]
run_trunk({name: load_experiment(Path(here))}, Path(there))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="8 runs, to see that it works")
    grid = QUICK if parser.parse_args().quick else GRID
    with tempfile.TemporaryDirectory(prefix="epochwise-bench-") as folder:
        together, study = shared(grid, Path(folder))
        apart = alone(study, Path(folder) / "alone")
        runs = sorted(path.name for path in (study / "runs").iterdir())
        differing = [run for run in runs if not equal(study, Path(folder) / "alone", run)]
    print(f"{len(runs)} runs, {cores()} at a time, one thread each")
    print(f"  one process each, nothing shared {apart:8.1f} s")
    print(f"  epochwise sweep                  {together:8.1f} s")
    print(f"  ratio                            {apart / together:8.2f}")
    print(f"  runs whose numbers differ        {len(differing):8d}")
    sys.exit(1 if differing else 0)


def shared(grid: dict[str, str], folder: Path) -> tuple[float, Path]:
    settings = [f"{key}={values}" for key, values in grid.items()]
    command = [sys.executable, "-m", "epochwise", "sweep", *settings, "study=bench"]
    begin = time.monotonic()
    subprocess.run([*command, "track=none", f"folder={folder}"], check=True, capture_output=True)
    return time.monotonic() - begin, next((folder / "bench").iterdir())


def alone(study: Path, folder: Path) -> float:
    """Every run of the study again, each in a process of its own."""
    planned = json.loads((study / "study.json").read_text(encoding="utf-8"))["runs"]

    def train(run: str) -> None:
        command = [sys.executable, "-c", ALONE, str(study / "runs" / run), str(folder / run), run]
        subprocess.run(command, check=True, capture_output=True)

    begin = time.monotonic()
    with ThreadPoolExecutor(cores()) as pool:
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
