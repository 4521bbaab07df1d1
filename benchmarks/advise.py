"""Wall and processor time of `epochwise advise` on a table of 1,000 cells with two seeds each.

python benchmarks/advise.py
"""

import csv
import resource
import subprocess
import sys
import tempfile
import time
from itertools import product
from pathlib import Path

import numpy as np

SIZES = [100 * 2**k for k in range(10)]
RANKS, EPOCHS, SEEDS = (2, 4, 8, 16, 32), range(1, 21), (0, 1)


def write(table: Path) -> int:
    """Losses that fall with rows and epochs, and rise with epochs where rows are few; the cells."""
    rng = np.random.default_rng(0)
    cells = list(product(SIZES, RANKS, EPOCHS))
    with table.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["size", "rank", "epochs", "seed", "loss"])
        for (size, rank, epochs), seed in product(cells, SEEDS):
            rise = 0.002 * epochs * rank**0.3 * (1000 / size) ** 0.5
            loss = 1 + 3 * size**-0.3 + 0.5 / epochs + rise + rng.normal(0, 0.01)
            rows.writerow([size, rank, epochs, seed, loss])
    return len(cells)


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="epochwise-bench-") as folder:
        table = Path(folder) / "results.csv"
        cells = write(table)
        begin = time.monotonic()
        command = [sys.executable, "-m", "epochwise", "advise", str(table), "--json"]
        subprocess.run(command, check=True, capture_output=True)
        wall = time.monotonic() - begin
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = used.ru_utime + used.ru_stime
    print(f"advise on {cells} cells: {wall:.1f} s, of a processor {processor:.1f} s")


if __name__ == "__main__":
    main()
