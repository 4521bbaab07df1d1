"""Which law chooses epochs best for models and data that it never saw.

    python benchmarks/epoch_choice.py [../shared/data/scaling/datablations_runs.csv]

Each group of runs of one model on one set of unique tokens is left out in turn; the laws are
fitted to all others and choose among the left-out group's epochs. The regret is how much higher
the chosen run's loss is than the group's lowest, in nats.
"""

import argparse
import csv
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from epochwise.diagnose.laws.fit import Law, best_fit
from epochwise.diagnose.laws.powers import chinchilla, penalty

FILE = Path("../shared/data/scaling/datablations_runs.csv")
FEWEST = 4  # different epochs that make a group


class Runs(NamedTuple):
    parameters: np.ndarray
    unique: np.ndarray
    epochs: np.ndarray
    loss: np.ndarray

    def part(self, kept: np.ndarray) -> "Runs":
        return Runs(*(column[kept] for column in self))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path, nargs="?", default=FILE)
    file = parser.parse_args().file
    if not file.is_file():
        sys.exit(f"{file}: is not there; nothing was measured")
    runs = read(file)
    held = groups(runs)
    inner = np.array([interior(runs.part(group)) for group in held])
    print(f"{len(runs.loss)} runs, {len(held)} groups, {inner.sum()} with an inner minimum")
    print(f"{'regret in nats':32} {'mean':>7} {'median':>7} {'max':>7}   inner: mean, max")
    for name, regrets in table(runs, held).items():
        print(
            f"{name:32} {regrets.mean():7.3f} {np.median(regrets):7.3f} {regrets.max():7.3f}"
            f"   {regrets[inner].mean():7.3f} {regrets[inner].max():7.3f}"
        )


def read(file: Path) -> Runs:
    with file.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    tokens, unique, size, loss = (
        np.array([float(row[name]) for row in rows]) for name in ("T", "U", "N", "loss")
    )
    return Runs(size, np.minimum(unique, tokens), np.maximum(tokens / unique, 1), loss)


def groups(runs: Runs) -> list[np.ndarray]:
    """Which runs belong to each group of enough different epochs."""
    keys = list(zip(runs.parameters, runs.unique, strict=True))
    held = [np.array([key == each for each in keys]) for key in dict.fromkeys(keys)]
    return [g for g in held if len({round(e, 2) for e in runs.epochs[g]}) >= FEWEST]


def interior(group: Runs) -> bool:
    best = group.epochs[group.loss.argmin()]
    return bool(group.epochs.min() < best < group.epochs.max())


def table(runs: Runs, held: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    """Regrets of each way to choose, a number a group."""
    choosers: dict[str, Callable[[np.ndarray], int]] = {
        "additive penalty": lambda group: by_law(runs, group, _penalty),
        "Chinchilla": lambda group: by_law(runs, group, _chinchilla),
        "rule: nearest to 4.5 epochs": lambda group: nearest(runs.epochs[group], 4.5),
        "rule: nearest to 15 epochs": lambda group: nearest(runs.epochs[group], 15.0),
        "longest run (Muennighoff's too)": lambda group: int(runs.epochs[group].argmax()),
    }
    return {name: regrets(runs, held, choose) for name, choose in choosers.items()}


def regrets(
    runs: Runs, held: Sequence[np.ndarray], choose: Callable[[np.ndarray], int]
) -> np.ndarray:
    return np.array([runs.loss[group][choose(group)] - runs.loss[group].min() for group in held])


def nearest(epochs: np.ndarray, to: float) -> int:
    return int(np.abs(epochs - to).argmin())


def by_law(runs: Runs, group: np.ndarray, law: Callable[[Runs], Law]) -> int:
    """The run of the group that the law, fitted to all other runs, expects the lowest loss of."""
    others, own = runs.part(~group), runs.part(group)
    found = best_fit(law(others), others.loss)
    return int(law(own).log_loss(found[None])[0][0].argmin())


def _penalty(runs: Runs) -> Law:
    return penalty(runs.parameters, runs.unique, runs.epochs)


def _chinchilla(runs: Runs) -> Law:
    return chinchilla(runs.parameters, runs.unique * runs.epochs)


if __name__ == "__main__":
    main()
