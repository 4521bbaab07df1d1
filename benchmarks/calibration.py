"""How often the cross-fitted test finds a rise: where there is none, and where there is one.

    python benchmarks/calibration.py

`benchmarks/power.py` has the power table of the test's description.

12 evaluations of n rows; each row has AR(1) noise of standard deviation 0.35 nats along them. The
loss is flat; or it falls by 0.8 nats, and rises from the sixth evaluation on. Clustered: 5 rows of
a source share half their noise. Three tests: the naive one, that of five folds of which each is
compared at the evaluation that all others like best, and ours, in which only folds before choose.
"""

import argparse
import math

import numpy as np

from epochwise.diagnose.noise import Contrast, above_lowest, contrast

POINTS, DEVIATION, LIKENESS, LEVEL = 12, 0.35, 0.5, 1.8
SOURCE = 5  # rows


def rows(rng: np.random.Generator, n: int, *, rise: float, clustered: bool) -> np.ndarray:
    """The losses of n rows at each evaluation; `rise` is reached at the last one, in nats."""
    noise = series(rng, n, LIKENESS)
    if clustered:
        shared = series(rng, n // SOURCE, LIKENESS)[:, np.arange(n) // SOURCE]
        noise = math.sqrt(0.5) * (noise + shared)
    hardness = rng.normal(0, 0.5, n)
    climb = np.clip((np.arange(POINTS) - 5) / (POINTS - 6), 0, 1)
    early = 0.8 * np.exp(-0.5 * np.arange(POINTS)) if rise else np.zeros(POINTS)
    return LEVEL + (rise * climb + early)[:, None] + hardness + noise


def series(rng: np.random.Generator, count: int, likeness: float) -> np.ndarray:
    """AR(1) noise along the evaluations; `likeness` is that of neighbours."""
    made = np.empty((POINTS, count))
    made[0] = rng.normal(0, DEVIATION, count)
    for i in range(1, POINTS):
        fresh = rng.normal(0, DEVIATION * math.sqrt(1 - likeness**2), count)
        made[i] = likeness * made[i - 1] + fresh
    return made


def risen(nats: np.ndarray, clustered: bool) -> Contrast:
    """The last evaluation above the lowest, cross-fitted as a verdict does it."""
    n = nats.shape[1]
    source = np.arange(n) // (SOURCE if clustered else 1)
    above, kept = above_lowest(nats, source)
    return contrast(above[-1], np.ones(int(kept.sum()), dtype=int), source[kept])


def naive_fires(nats: np.ndarray) -> bool:
    """The paired test that chooses the lowest evaluation on the very rows that it compares."""
    best = int(nats.mean(axis=1).argmin())
    d = nats[-1] - nats[best]
    return bool(best < POINTS - 1 and d.mean() > 1.645 * d.std(ddof=1) / math.sqrt(len(d)))


def crossed_fires(nats: np.ndarray) -> bool:
    """The test of five folds, each one's lowest evaluation chosen on the rest."""
    d = crossed(nats)
    return bool(d.mean() > 1.645 * d.std(ddof=1) / math.sqrt(len(d)))


def crossed(nats: np.ndarray) -> np.ndarray:
    """Of each row, the last evaluation above the one that the other four folds like best."""
    folds = np.random.default_rng(0).permutation(nats.shape[1]) % 5
    d = np.empty(nats.shape[1])
    for fold in range(5):
        best = int(nats[:, folds != fold].mean(axis=1).argmin())
        d[folds == fold] = nats[-1, folds == fold] - nats[best, folds == fold]
    return d


def rates(n: int, rise: float, *, repeats: int, clustered: bool) -> list[float]:
    """How often each of these fires: naive, five folds, ours, and ours with a rise of 2%."""
    rng = np.random.default_rng(0)
    found = np.zeros(4)
    for _ in range(repeats):
        nats = rows(rng, n, rise=rise, clustered=clustered)
        measured = risen(nats, clustered)
        fires = measured.low > 0
        large = measured.estimate >= 0.02 * nats.mean(axis=1).min()
        found += [naive_fires(nats), crossed_fires(nats), fires, fires and large]
    rates: list[float] = (found / repeats).tolist()
    return rates


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=2000)
    repeats = parser.parse_args().repeats
    print(f"{repeats} repeats; share of them in which a rise is found")
    print("rows  a source  true rise   naive  5 folds   ours  ours and >= 2%")
    cells = [(n, 0.0, clustered) for n in (50, 100, 300) for clustered in (False, True)]
    cells += [(1000, 0.0, False)]
    cells += [(n, 0.1, False) for n in (100, 300, 1000)] + [(n, 0.2, False) for n in (100, 300)]
    for n, rise, clustered in cells:
        shares = "".join(f"{x:8.3f}" for x in rates(n, rise, repeats=repeats, clustered=clustered))
        print(f"{n:4}  {SOURCE if clustered else 1:8}  {rise:9.2f}{shares}", flush=True)


if __name__ == "__main__":
    main()
