"""How well "more data" is foretold, and how well the rectified law fits, on 90 public curves.

    python benchmarks/more_data.py [../shared/data/scaling]

Each curve is cut at every budget from 1,600 rows on; what is fitted to the sizes within it
foretells the loss at 2, 4 and 8 times the budget. Median absolute log errors. Then the root mean
square of the rectified law's log residuals, beside what its authors publish for each model.
"""

import argparse
import csv
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from epochwise.diagnose.laws.fit import best_fit
from epochwise.diagnose.laws.rows import accept_then_stop, last_sizes, rectified

FOLDER = Path("../shared/data/scaling")
TASKS = {"flan": "FLAN", "wmt19": "WMT19", "gigaword": "GIGAWORD"}
GOAL = {2: 0.011, 4: 0.019, 8: 0.029}  # times the data -> error to be met at every budget
OUTLIER = 1.0  # beyond any residual: least squares, as the published errors are measured
SMALLEST = 1600  # rows of the shortest cut, so that five sizes are known
Foretold = Callable[[np.ndarray, np.ndarray, float], float]


class Curves(NamedTuple):
    sizes: np.ndarray
    """Rows; 0 among them, the model before training."""
    losses: dict[str, np.ndarray]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?", default=FOLDER)
    folder = parser.parse_args().folder
    if not (folder / "finetune_flan.csv").is_file():
        sys.exit(f"{folder}: holds no finetune_flan.csv; nothing was measured")
    ways: dict[str, Foretold] = {
        "log-linear, last 3 sizes": lambda x, y, at: last_sizes(x, y).loss(at),
        "accept then stop": lambda x, y, at: accept_then_stop(x, y).loss(at),
        "carry the last": lambda x, y, at: float(y[-1]),
    }
    tasks = [read(folder / f"finetune_{task}.csv") for task in TASKS]
    print("median error over the models of three tasks: of the best and the worst budget")
    for name, way in ways.items():
        spans = [error_span(tasks, way, times) for times in GOAL]
        print(
            f"{name:25} " + "  ".join(f"{100 * low:5.2f}-{100 * high:.2f} %" for low, high in spans)
        )
    fitted(folder)


def read(file: Path) -> Curves:
    with file.open(encoding="utf-8", newline="") as lines:
        header, *rows = csv.reader(lines)
    sizes = np.array([float(name) for name in header[1:-2]])
    return Curves(sizes, {row[0]: np.array([float(value) for value in row[1:-2]]) for row in rows})


def error_span(tasks: Sequence[Curves], way: Foretold, times: int) -> tuple[float, float]:
    """The medians of |log foretold - log measured| for the best and for the worst budget."""
    step, sizes = int(np.log2(times)), tasks[0].sizes
    first = int(np.flatnonzero(sizes == SMALLEST)[0])
    medians = [
        float(np.median([_error(curve, sizes, way, (cut, step)) for curve in every(tasks)]))
        for cut in range(first, len(sizes) - step)
    ]
    return min(medians), max(medians)


def every(tasks: Sequence[Curves]) -> list[np.ndarray]:
    return [losses for task in tasks for losses in task.losses.values()]


def _error(losses: np.ndarray, sizes: np.ndarray, way: Foretold, at: tuple[int, int]) -> float:
    cut, step = at
    foretold = way(sizes[1 : cut + 1], losses[1 : cut + 1], sizes[cut + step])
    return float(abs(np.log(foretold / losses[cut + step])))


def misfit(sizes: np.ndarray, losses: np.ndarray) -> float:
    """Root mean square of the rectified law's log residuals, over all sizes but 0."""
    law = rectified(sizes[1:])
    found = best_fit(law, losses[1:], outlier=OUTLIER)
    return float(np.sqrt(np.square(law.log_loss(found[None])[0][0] - np.log(losses[1:])).mean()))


def published(folder: Path) -> dict[tuple[str, str], float]:
    with (folder / "finetune_rmsd_published.csv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    return {(row["dataset"], row["model"]): float(row["our_rmsd_under_log"]) for row in rows}


def fitted(folder: Path) -> None:
    theirs = published(folder)
    ours: dict[tuple[str, str], float] = {}
    for task, name in TASKS.items():
        sizes, curves = read(folder / f"finetune_{task}.csv")
        ours |= {(name, model): misfit(sizes, losses) for model, losses in curves.items()}
    ratios = {key: ours[key] / theirs[key] for key in ours if key in theirs}
    over = [key for key, ratio in ratios.items() if ratio > 1.05]
    print(f"rectified: mean {np.mean(list(ours.values())):.4f}, {len(ratios)} models")
    print(f"published: mean {np.mean([theirs[key] for key in ratios]):.4f}")
    print(f"over 1.05 times the published: {len(over)}; worst {max(ratios.values()):.3f}")
    for key in over:
        print(f"  {key}: {ours[key]:.5f} against {theirs[key]:.5f}")


if __name__ == "__main__":
    main()
