"""Histories whose truth is known: what training would have logged without noise, and noise."""

from typing import NamedTuple

import numpy as np

from epochwise.diagnose.trace import History, Trace

TRUTHS = (
    "healthy",
    "overfit_loss",
    "still_improving",
    "no_learning",
    "diverged",
    "oscillating",
    "spiky",
    "memorising",
)
FEWEST = {"oscillating": 12, "spiky": 40, "memorising": 6}  # evaluations, else no such thing shows


class Planted(NamedTuple):
    truth: str
    history: History
    onset: float | None
    """Where the rise begins, in the unit of the axis."""


def planted(truth: str, rng: np.random.Generator, *, points: int, noise: float) -> Planted:
    """A history of `points` evaluations; `noise` is a share of what validation falls.

    Scale (0.01 to 100), the floor that the loss falls to (0.2 to 4 times the fall), speed, axis
    (epochs or thousands of steps), where and how much it rises: all drawn.
    """
    points = max(points, FEWEST.get(truth, 0))
    time = np.arange(1, points + 1) / points
    hinge = rng.uniform(0.2, 0.5)
    val, train = _courses(truth, time, hinge, rng)
    if truth in ("oscillating", "spiky"):
        val = val + _disturbance(truth, time, rng)
    scale, floor = 10 ** rng.uniform(-2, 2), rng.uniform(0.2, 4)
    unit = rng.choice([1.0, 1000.0]) * points
    measured = scale * (floor + val + rng.normal(0, noise, points))
    logged = Trace(time * unit, scale * (floor + train + rng.normal(0, noise, points)))
    memorised = truth == "memorising"
    ends = unit * np.arange(7) / 6 if memorised else None
    steps = _staircase(scale, floor, noise, rng) if memorised else logged
    steps = Trace(steps.at * unit, steps.losses) if memorised else steps
    history = History(val=Trace(time * unit, measured), train=steps, boundaries=ends)
    rises = truth in ("overfit_loss", "memorising")
    return Planted(truth, history, hinge * unit if rises else None)


def _courses(
    truth: str, time: np.ndarray, hinge: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Validation and training losses over a fall of 1, less the floor."""
    since = (time - time[0]) / (time[-1] - time[0])  # all of the fall is seen
    decay = np.exp(-rng.uniform(7, 14) * since)
    slow = np.exp(-rng.uniform(0.5, 1.5) * since)
    up = np.maximum(0, time - hinge)
    match truth:
        case "overfit_loss" | "memorising":
            return decay + rng.uniform(1, 3) * up, decay - 0.15 * time
        case "still_improving":
            falling = (slow - slow[-1]) / (1 - slow[-1])
            return falling, falling
        case "no_learning":
            return np.ones_like(time), np.ones_like(time)
        case "diverged":
            blown = decay + (time > hinge) * rng.uniform(4, 9)
            return blown, blown
        case _:
            return decay, decay - 0.05 * time


def _disturbance(truth: str, time: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    steps = np.arange(len(time))
    if truth == "oscillating":
        return rng.uniform(0.5, 1) * (-1.0) ** steps
    hit = rng.choice(np.arange(5, len(time) - 3), max(1, len(time) // 100), replace=False)
    return np.isin(steps, hit) * rng.uniform(1, 4, len(time))


def _staircase(scale: float, floor: float, noise: float, rng: np.random.Generator) -> Trace:
    """Step losses of six epochs that drop where an epoch begins, to a tenth of the floor."""
    epoch = np.repeat(np.arange(6), 50)
    level = floor * np.array([1.6, 1.0, 0.6, 0.3, 0.15, 0.1])[epoch]
    time = (np.arange(300) + 1) / 300
    return Trace(time, scale * (level + rng.normal(0, noise * floor / 4, 300)))
