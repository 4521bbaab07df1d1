"""How long `epochwise plan` takes for 10,000 runs, and how much memory it holds.

    python benchmarks/plan.py

Once from an empty cache, with steps being timed, and once more. The memory is the command's own;
workers, which time steps, are as large as in a sweep.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time

GRID = {
    "train.epochs": "range(1,11)",
    "data.size": "range(100,1100,100)",
    "peft.r": "1,2,4,6,8,12,16,24,32,64",
    "train.seed": "range(0,10)",
}


def main() -> None:
    settings = [f"{key}={values}" for key, values in GRID.items()]
    with tempfile.TemporaryDirectory(prefix="epochwise-bench-") as folder:
        os.environ["XDG_CACHE_HOME"] = folder
        for when in ("empty cache", "again"):
            begin = time.monotonic()
            command = [sys.executable, "-m", "epochwise", "plan", "--json", *settings]
            done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=folder)
            seconds = time.monotonic() - begin
            found = json.loads(done.stdout)
            peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
            print(
                f"{len(found['runs']):,} runs, {len(found['trunks'])} trunks, {when}:"
                f" {seconds:.1f} s, {peak:.2f} GiB"
            )


if __name__ == "__main__":
    main()
