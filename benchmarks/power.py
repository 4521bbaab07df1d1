"""The power table with which the cross-fitted test was first described, simulated again.

    python benchmarks/power.py

The table says how often five tests find a rise in 1,000 repeats, but of its simulator only this:
12 evaluations, AR(1) noise of 0.35 nats on every row. So it falls exponentially and rises straight
from a hinge on, with a fall, a speed, a hinge and a likeness of neighbours that were fitted to the
table: four numbers to 45 shares. `off` is how far a share is from the table's, in standard errors
of both; were nothing wrong, their mean square would be 1. The last two columns are our own test.
"""

import argparse
import math

import numpy as np
from calibration import POINTS, crossed, crossed_fires, naive_fires, risen, series

FALL, SPEED, HINGE, LIKENESS = 0.1734, 0.3563, 2.254, 0.841
LOWEST = 1.786  # nats: a rise of 0.10 is 5.6% of it
REPEATS = 1000  # the table's
SHARES = ("naive", "5 folds", "and >= 2%", "GL > 2%", "GL > 5%", "ours", "and >= 2%")
TABLE = {  # rows, true rise in nats -> the first five
    (50, 0.0): (0.089, 0.045, 0.036, 0.361, 0.059),
    (100, 0.0): (0.092, 0.054, 0.055, 0.212, 0.010),
    (300, 0.0): (0.066, 0.044, 0.012, 0.024, 0.000),
    (1000, 0.0): (0.041, 0.024, 0.000, 0.000, 0.000),
    (100, 0.1): (0.485, 0.263, 0.273, 0.746, 0.203),
    (300, 0.1): (0.769, 0.532, 0.514, 0.762, 0.036),
    (1000, 0.1): (0.977, 0.923, 0.612, 0.781, 0.000),
    (100, 0.2): (0.960, 0.805, 0.834, 0.991, 0.837),
    (300, 0.2): (1.000, 1.000, 0.999, 1.000, 0.933),
}


def rows(rng: np.random.Generator, n: int, rise: float) -> np.ndarray:
    """The losses of n rows at each evaluation."""
    at = np.arange(POINTS)
    fall = FALL * (np.exp(-SPEED * at) - math.exp(-SPEED * at[-1]))
    climb = np.maximum(0, (at - HINGE) / (at[-1] - HINGE))
    return (LOWEST + fall + rise * climb)[:, None] + series(rng, n, LIKENESS)


def fires(nats: np.ndarray) -> tuple[bool, ...]:
    """Which of SHARES find a rise."""
    mean = nats.mean(axis=1)
    lowest = float(mean.min())
    generality_loss = float(mean[-1]) / lowest - 1  # GL of Prechelt (1998), as a share
    five, ours = crossed_fires(nats), risen(nats, clustered=False)
    return (
        naive_fires(nats),
        five,
        five and float(crossed(nats).mean()) >= 0.02 * lowest,
        generality_loss > 0.02,
        generality_loss > 0.05,
        ours.low > 0,
        ours.low > 0 and ours.estimate >= 0.02 * lowest,
    )


def shares(n: int, rise: float, repeats: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    return np.mean([fires(rows(rng, n, rise)) for _ in range(repeats)], axis=0)


def off(found: np.ndarray, told: tuple[float, ...], repeats: int) -> np.ndarray:
    """In standard errors; a share of 0 or 1 counts as one of half a case."""
    share = np.clip(told, 0.5 / REPEATS, 1 - 0.5 / REPEATS)
    error = np.sqrt(share * (1 - share) * (1 / REPEATS + 1 / repeats))
    return (found - np.array(told)) / error


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=4000)
    repeats = parser.parse_args().repeats
    print("rows   rise", *(f"{name:>14}" for name in SHARES), sep="")
    errors = []
    for (n, rise), told in TABLE.items():
        found = shares(n, rise, repeats)
        errors.append(off(found[: len(told)], told, repeats))
        cells = [f"{a:6.3f} ({b:.3f})" for a, b in zip(found, told, strict=False)]
        cells += [f"{share:6.3f}" for share in found[len(told) :]]
        print(f"{n:4}  {rise:5.2f}", *(f"{cell:>14}" for cell in cells), sep="", flush=True)
    square, worst = np.mean(np.square(errors)), np.abs(errors).max()
    print(f"({repeats} repeats; in brackets the table's)")
    print(f"off by a mean square of {square:.2f}, at most {worst:.1f} standard errors")


if __name__ == "__main__":
    main()
