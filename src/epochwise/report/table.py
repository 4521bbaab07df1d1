"""Results as rows: one a run, in the study's order."""

import csv
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from epochwise.diagnose.cells import differing
from epochwise.record import Record, flat

COLUMNS = (
    "id",
    "model",
    "method",
    "size",
    "epochs",
    "rank",
    "seed",
    "learning_rate",
    "best_epoch",
    "val_loss",
    "probe_loss",
    "base_loss",
    "gap",
    "verdict",
    "confidence",
    "tokens",
    "seconds",
    "peak_memory",
)
SETTINGS = (  # that have a column
    *("model.name", "peft.name", "peft.r", "peft.target_r", "data.size", "train.epochs"),
    *("train.seed", "train.learning_rate"),
)
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # a cell that opens so is computed by spreadsheets
Row = dict[str, Any]


def results(records: Sequence[Record]) -> list[Row]:
    """The columns of results.csv; losses are those after the last epoch.

    Then the settings in which these runs differ and for which there is no column, by their dotted
    keys. Of runs on a mixture also `val_loss.NAME` for each source.
    """
    settings = [flat(record.settings) for record in records]
    more = [key for key in differing(settings) if key not in SETTINGS]
    return [
        _row(record) | {key: own.get(key) for key in more} | _of_sources(record)
        for record, own in zip(records, settings, strict=True)
    ]


def _row(record: Record) -> Row:
    settings, last = record.settings, record.curve[-1]
    verdict = record.verdict or {"best_epoch": None, "verdict": None, "confidence": None}
    values = (
        record.id,
        settings["model"]["name"],
        settings["peft"]["name"],
        settings["data"]["size"],
        settings["train"]["epochs"],
        record.rank,
        settings["train"]["seed"],
        settings["train"]["learning_rate"],
        verdict["best_epoch"],
        last.val,
        last.probe,
        record.curve[0].val,
        last.val - last.probe,
        verdict["verdict"],
        verdict["confidence"],
        record.summary.tokens,
        record.summary.seconds,
        record.summary.peak_memory,
    )
    return dict(zip(COLUMNS, values, strict=True))


def _of_sources(record: Record) -> Row:
    return {f"val_loss.{name}": losses[-1] for name, losses in record.sources.items()}


def write_csv(path: Path, rows: Sequence[Row]) -> None:
    """Every digit of every number, published by one rename: a reader never sees half a file.

    Text that a spreadsheet would take for a formula gets an apostrophe in front: names of
    models and methods come from files that others write.
    """
    partial = path.with_name(f".{path.name}.partial")
    with partial.open("w", encoding="utf-8", newline="") as file:
        names = dict.fromkeys((*COLUMNS, *(name for row in rows for name in row)))
        writer = csv.DictWriter(file, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows({key: cell(value) for key, value in row.items()} for row in rows)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def cell(value: Any) -> Any:
    """The value as a spreadsheet may read it: text that looks like a formula stays text."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value
