"""A study that never ran: plausible curves of small data that overfits, and its files."""

import math
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np

from epochwise.diagnose.finding import Finding
from epochwise.record import (
    JSON,
    PlannedRun,
    Point,
    Record,
    RowLosses,
    Study,
    Summary,
    run_folder,
    write_json,
)

SIZES, EPOCHS, RANKS = (32, 128, 512), (1, 2, 4, 8, 16), (2, 8)
COMMAND = "epochwise sweep epochs_vs_size train.epochs=1,2,4,8,16 data.size=32,128,512 peft.r=2,8"
BASE, FLOOR = 3.1, 1.05


def settings(size: int, epochs: int, rank: int, seed: int = 0) -> JSON:
    return {
        "data": {"name": "world", "path": "world", "size": size, "val_size": 200, "seed": 0},
        "model": {"name": "world_1m", "path": "world:1m", "weights": "fp32", "template": "own"},
        "peft": {"name": "lora", "peft_type": "LORA", "r": rank, "lora_alpha": 32},
        "train": {"epochs": epochs, "learning_rate": 4e-4, "batch_size": 8, "seed": seed},
        "evaluate": {"name": "loss", "probe_size": 32, "batch_size": 32},
    }


def curve(size: int, epochs: int, rank: int) -> tuple[Point, ...]:
    points = [Point(0, BASE, BASE + 0.02)]
    for epoch in range(1, epochs + 1):
        passes = epoch * math.sqrt(size / 32) * (1 + 0.15 * math.log2(rank))
        learnt = 1 - math.exp(-0.35 * passes)
        penalty = 0.9 * (32 / size) ** 0.8 * (1 + 0.1 * rank) * max(0.0, epoch - 3) / 8
        val = BASE - (1.15 + 0.25 * math.log2(size / 32) / 2) * learnt + penalty
        points.append(Point(epoch, val, BASE - (BASE - 0.25) * (1 - math.exp(-0.22 * passes))))
    return tuple(points)


def judged(points: tuple[Point, ...]) -> JSON:
    best = min(points[1:], key=lambda point: point.val)
    rise = points[-1].val - best.val
    name = "overfit_loss" if rise > 0.04 else "still_improving"
    if best is not points[-1] and rise <= 0.04:
        name = "healthy"
    advice = {
        "overfit_loss": f"Stop at epoch {best.epoch}, or give it more rows.",
        "still_improving": "Train for more epochs: the loss was still falling at the end.",
        "healthy": "Nothing to do: the loss is level at the end.",
    }[name]
    reason = {
        "name": "rise",
        "statistic": rise,
        "interval": (rise - 0.02, rise + 0.02),
        "threshold": 0.04,
        "n": 200,
        "advice": advice,
    }
    return {
        "verdict": name,
        "flags": ("memorised",) if points[-1].probe < 0.5 else (),
        "best_epoch": best.epoch,
        "onset_epoch": best.epoch + 1.0 if name == "overfit_loss" else None,
        "rise": rise,
        "gap": points[-1].val - points[-1].probe,
        "confidence": 0.97,
        "reasons": (reason,),
    }


def record(size: int, epochs: int, rank: int, seed: int = 0) -> Record:
    points = curve(size, epochs, rank)
    tokens = 45 * size * epochs
    summary = Summary(
        steps=size * epochs // 8,
        tokens=tokens,
        seconds=tokens / 9000 + epochs * 0.4,
        peak_memory=0.61,
        trainable_parameters=4096 * rank,
        adapter_digest="0" * 64,
        dropped_rows=0,
        micro_batch_size=8,
        skipped_steps=0,
    )
    return Record(
        id=f"{size:04x}{epochs:02x}{rank:02x}{seed:04x}",
        label=f"world_1m lora r{rank} n{size} e{epochs}" + (f" s{seed}" if seed else ""),
        settings=settings(size, epochs, rank, seed),
        rank=rank,
        curve=points,
        summary=summary,
        verdict=judged(points),
    )


def grid() -> list[Record]:
    return [record(size, epochs, rank) for rank in RANKS for size in SIZES for epochs in EPOCHS]


def study(records: list[Record], **changes: object) -> Study:
    runs = tuple(
        PlannedRun(
            each.id,
            each.label,
            {
                "data.size": each.settings["data"]["size"],
                "train.epochs": each.settings["train"]["epochs"],
                "peft.r": each.rank,
            },
            trunk=f"n{each.settings['data']['size']}r{each.rank}s{each.settings['train']['seed']}",
        )
        for each in records
    )
    fields = {
        "name": "epochs_vs_size",
        "question": "How many epochs does a LoRA need, and how does that change with the rows?",
        "command": COMMAND,
        "axes": {"data.size": [*SIZES], "train.epochs": [*EPOCHS], "peft.r": [*RANKS]},
        "settings": {"model.name": "world_1m"},
        "runs": runs,
        "versions": {"epochwise": "0.1.0", "torch": "2.13.0", "python": "3.11.9"},
        "skipped": ("model=smollm2_135m: not on this machine; pip install smollm2-135m",),
    }
    return Study(**fields | changes)  # type: ignore[arg-type]


def invented(records: list[Record]) -> JSON:
    best = min(records, key=lambda each: each.curve[-1].val)
    size, epochs = best.settings["data"]["size"], best.settings["train"]["epochs"]
    near = [each for each in records if each.curve[-1].val < best.curve[-1].val + 0.01]
    return {
        "run": best.id,
        "cell": {"data.size": size, "train.epochs": epochs, "peft.r": best.rank},
        "loss": best.curve[-1].val,
        "equals": [each.id for each in near if each is not best],
        "sure": True,
        "unit": "nats per response token",
        "standings": [],
        "p_regret": 0.94,
        "eps": 0.011,
        "sentences": [
            f"Train on {size} rows for {epochs} epochs at rank {best.rank}.",
            "With 32 rows, more than 4 epochs make it worse; 512 rows bear 8.",
        ],
        "would_change": ["More rows: the loss was still falling at the largest size."],
    }


def row_losses(points: tuple[Point, ...], rows: int = 200, probes: int = 32) -> RowLosses:
    tokens = np.random.default_rng(0).integers(3, 40, rows)
    return RowLosses(
        val=np.array([[point.val] for point in points]) * tokens,
        val_tokens=tokens,
        val_source=np.arange(rows) // 2,
        probe=np.array([[point.probe] for point in points]) * tokens[:probes],
        probe_tokens=tokens[:probes],
        train_digest=np.arange(32, dtype=np.uint64),
        val_digest=np.arange(rows, dtype=np.uint64),
    )


def leave(
    folder: Path,
    records: list[Record],
    unfinished: tuple[str, ...] = (),
    finding: Callable[[Path], Finding] | None = None,
) -> Path:
    """Writes what a study leaves; the `unfinished` runs left nothing that counts.

    Args:
        finding: What diagnosis finds in the folder; else an invented one is left, at once.
    """
    study(records).save(folder)
    done = [each for each in records if each.id not in unfinished]
    for each in done:
        home = run_folder(folder, each.id)
        home.mkdir(parents=True)
        each.save(home / "record.json")
        row_losses(each.curve).save(home / "rows.npz")
        (home / "DONE").touch()
    if done:
        found = invented(done) if finding is None else asdict(finding(folder))
        write_json(folder / "finding.json", found)
    return folder


def changed(of: Record, **changes: object) -> Record:
    return Record(**{**vars(of), **changes})  # type: ignore[arg-type]
