"""Curves, losses per row and records with known answers."""

import math
from collections.abc import Sequence

import numpy as np

from epochwise.record import Point, Record, RowLosses, Summary


def curve(vals: Sequence[float], probes: Sequence[float] | None = None) -> list[Point]:
    probes = [math.nan] * len(vals) if probes is None else probes
    return [Point(i, val, probe) for i, (val, probe) in enumerate(zip(vals, probes, strict=True))]


def row_losses(nats: np.ndarray, tokens=None, source=None) -> RowLosses:
    count = nats.shape[1]
    return RowLosses(
        val=nats,
        val_tokens=np.full(count, 10) if tokens is None else np.asarray(tokens),
        val_source=np.arange(count) if source is None else np.asarray(source),
        probe=nats[:, :1],
        probe_tokens=np.array([10]),
        train_digest=np.zeros(1, dtype=np.uint64),
        val_digest=np.arange(count, dtype=np.uint64),
    )


def noisy(levels: Sequence[float], count: int, *, noise: float = 0.3, seed: int = 0) -> RowLosses:
    """Rows of 10 tokens whose loss follows `levels`, each with its own level and noise."""
    rng = np.random.default_rng(seed)
    per_token = np.asarray(levels)[:, None] + rng.normal(0, noise, (len(levels), count))
    return row_losses(10 * (per_token + rng.normal(0, 0.5, count)))


def curve_of(rows: RowLosses, probes: Sequence[float] | None = None) -> list[Point]:
    return curve(list(rows.val.sum(axis=1) / rows.val_tokens.sum()), probes)


def record(
    vals: Sequence[float],
    *,
    size: int = 32,
    rank: int = 2,
    seed: int = 0,
    model: str = "tiny",
) -> Record:
    epochs = len(vals) - 1
    settings = {
        "data": {"name": "world", "size": size},
        "model": {"name": model, "path": f"world:{model}"},
        "peft": {"name": "lora", "r": rank},
        "train": {"epochs": epochs, "seed": seed},
    }
    name = f"{model} n{size} e{epochs} r{rank} s{seed}"
    summary = Summary(epochs, 10, 1.0, 1.0, 100, "", 0, 8, 0)
    return Record(name, name, settings, rank, tuple(curve(vals, vals)), summary)


def study(losses: dict[tuple[int, int], float], *, noise: float = 0.01, count: int = 50):
    """Records and rows of (size, epochs) -> last loss; losses before fall in a straight line."""
    records = [
        record(list(np.linspace(2.0, end, epochs + 1)), size=size)
        for (size, epochs), end in losses.items()
    ]
    return records, rows_of(records, noise=noise, count=count)


def rows_of(records: Sequence[Record], *, noise: float = 0.01, count: int = 50):
    """Per-row losses whose means are the curves' to the last digit."""
    rng = np.random.default_rng(0)
    hard = rng.normal(0, 0.5, count)
    made = {}
    for one in records:
        jitter = hard + rng.normal(0, noise, (len(one.curve), count))
        levels = np.array([point.val for point in one.curve])[:, None]
        made[one.id] = row_losses(10 * (levels + jitter - jitter.mean(axis=1, keepdims=True)))
    return made
