"""A table of results of any origin, as records whose curves have one point."""

import json
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from epochwise.diagnose.table_file import Row, table_rows
from epochwise.record import JSON, Point, Record, Summary

NAMES: dict[str, tuple[str, ...]] = {
    "size": ("size", "data_size", "rows", "train_size", "train_rows", "n_train", "num_train")
    + ("examples", "num_examples", "samples", "num_samples", "n_samples", "dataset_size", "n"),
    "epochs": ("epochs", "train_epochs", "num_epochs", "num_train_epochs", "n_epochs", "epoch"),
    "loss": ("val_loss", "eval_loss", "validation_loss", "valid_loss", "dev_loss", "test_loss")
    + ("loss", "score", "accuracy", "eval_accuracy", "val_accuracy", "acc", "exact_match", "f1"),
    "rank": ("rank", "peft_r", "lora_r", "lora_rank", "r"),
    "rate": ("learning_rate", "train_learning_rate", "lr"),
    "model": ("model", "model_name", "base_model", "model_name_or_path"),
    "method": ("method", "peft", "peft_name"),
    "seed": ("seed", "train_seed", "random_seed"),
}
NEEDED = ("size", "epochs", "loss")
WHOLE = {"size", "epochs", "rank"}
PLACES = {
    **{"size": ("data", "size"), "epochs": ("train", "epochs"), "seed": ("train", "seed")},
    **{"rate": ("train", "learning_rate"), "rank": ("peft", "r")},
    **{"model": ("model", "name"), "method": ("peft", "name")},
}
MEASURED = re.compile(
    r"^(id|run|run_id|name|label|folder|best_epoch|gap|verdict|confidence|date|timestamp)$"
    r"|loss|tokens|second|time|memory|perplexity|steps?$|accuracy|grad_norm"
)  # columns that tell results or names, not settings


class Reading(NamedTuple):
    records: tuple[Record, ...]
    notes: tuple[str, ...]
    """What was taken for what, and what was left out."""


def reading(path: Path, named: Mapping[str, str], *, maximize: bool) -> Reading:
    """The table's rows as records.

    Args:
        named: Quantity -> the column that the user says it is in.
        maximize: The last column holds scores in (0, 1]; their -log is taken as loss.

    Raises:
        ValueError: All mistakes of the table, a line each.
    """
    rows = table_rows(path)
    columns, problems = _columns(path, rows, named)
    if problems:
        raise ValueError("\n".join(problems))
    axes, ignored = _further(rows, columns)
    kept = [(place, row) for place, row in enumerate(rows, 1) if not _unfinished(row, columns)]
    problems = [
        f"{path}, row {place}, {problem}"
        for place, row in kept
        for problem in _row_problems(row, columns, maximize)
    ]
    if not kept:
        problems.append(f"{path}: no row has a value in column {columns['loss']}")
    if problems:
        raise ValueError("\n".join(problems))
    records = [_record(place, row, columns, axes) for place, row in kept]
    records = [_scored(record) for record in records] if maximize else records
    again = _repeated(records) if "seed" in columns else []
    if again:
        raise ValueError("\n".join(f"{path}: {problem}" for problem in again))
    return Reading(tuple(records), _notes(columns, axes, ignored, len(rows) - len(kept)))


def _columns(
    path: Path, rows: Sequence[Row], named: Mapping[str, str]
) -> tuple[dict[str, str], list[str]]:
    """Quantity -> column, and what cannot be told."""
    present = list(dict.fromkeys(str(key) for row in rows for key in row))
    plain = {_plain(column): column for column in reversed(present)}
    columns = dict(named)
    for quantity, names in NAMES.items():
        found = next((plain[name] for name in names if name in plain), None)
        if found is not None and quantity not in columns and found not in columns.values():
            columns[quantity] = found
    problems = [
        f"{path}: there is no column {column} (there are {', '.join(present)})"
        for column in named.values()
        if column not in present
    ]
    problems += [
        f"{path}: no column for {quantity} (there are {', '.join(present)}): "
        f"name it with --{quantity}"
        for quantity in NEEDED
        if quantity not in columns
    ]
    return columns, problems


def _plain(column: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", column.strip().lower()).strip("_")


def _further(rows: Sequence[Row], columns: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """Other columns that tell settings apart, and those that seem to be results or names.

    Settings repeat: a column that differs in more than half of the rows is no axis.
    """
    others = dict.fromkeys(str(k) for row in rows for k in row if k not in columns.values())
    values = {column: {json.dumps(row.get(column)) for row in rows} for column in others}
    differ = [column for column in others if len(values[column]) > 1]
    axes = [
        column
        for column in differ
        if not MEASURED.search(_plain(column)) and 2 * len(values[column]) <= max(4, len(rows))
    ]
    return axes, [column for column in differ if column not in axes]


def _unfinished(row: Row, columns: Mapping[str, str]) -> bool:
    """Without a loss: a run that diverged or has not ended."""
    value = row.get(columns["loss"])
    if value is None or str(value).strip() == "":
        return True
    number = _number(value)
    return number is not None and not math.isfinite(number)


def _number(value: Any) -> float | None:
    """None for what is no number; true and false are none."""
    if isinstance(value, bool):
        return None
    try:
        return float(str(value).strip().replace("_", "x"))
    except ValueError:
        return None


def _row_problems(row: Row, columns: Mapping[str, str], maximize: bool) -> list[str]:
    problems = []
    for quantity in ("size", "epochs", "loss", "rank", "rate"):
        value = row.get(columns.get(quantity, ""))
        if quantity in columns and not (quantity in ("rank", "rate") and value in (None, "")):
            fault = _fault(quantity, _number(value), maximize)
            problems += [f"column {columns[quantity]}: {value!r} {fault}"] if fault else []
    return problems


def _fault(quantity: str, number: float | None, maximize: bool) -> str:
    if number is None or not math.isfinite(number):
        return "is no number"
    if quantity in WHOLE and (number < 1 or number != int(number)):
        return "must be a whole number, 1 or more"
    if quantity == "rate" and number <= 0:
        return "must be above 0"
    if quantity == "loss" and maximize and not 0 < number <= 1:
        return "must be a score above 0, at most 1 (with --maximize)"
    if quantity == "loss" and not maximize and number <= 0:
        return "must be above 0; for scores, where more is better, give --maximize"
    return ""


def _record(place: int, row: Row, columns: Mapping[str, str], axes: Sequence[str]) -> Record:
    settings: JSON = {"model": {"name": "model"}, "peft": {"name": "method"}, "data": {}}
    settings |= {"train": {"seed": place}, "column": {axis: row.get(axis) for axis in axes}}
    for quantity, (group, key) in PLACES.items():
        value = row.get(columns.get(quantity, ""))
        if value not in (None, ""):
            settings[group][key] = _value(quantity, value)
    epochs, rank = settings["train"]["epochs"], settings["peft"].get("r")
    curve = (Point(epochs, float(row[columns["loss"]]), math.nan),)
    summary = Summary(0, 0, 0.0, 0.0, 0, "", 0, 0, 0)
    return Record(f"row {place}", f"row {place}", settings, rank, curve, summary)


def _value(quantity: str, value: Any) -> Any:
    if quantity in WHOLE:
        return int(float(value))
    return float(value) if quantity == "rate" else str(value)


def _scored(record: Record) -> Record:
    point = record.curve[0]
    curve = (point._replace(val=-math.log(point.val) or 0.0),)
    return Record(**vars(record) | {"curve": curve})


def _repeated(records: Sequence[Record]) -> list[str]:
    first: dict[str, str] = {}
    problems = []
    for record in records:
        key = json.dumps(record.settings, sort_keys=True, default=str)
        if key in first:
            problems.append(f"{first[key]} and {record.label}: the same settings and seed twice")
        first.setdefault(key, record.label)
    return problems


def _notes(
    columns: Mapping[str, str], axes: Sequence[str], ignored: Sequence[str], unfinished: int
) -> tuple[str, ...]:
    taken = ", ".join(f"{quantity}: {column}" for quantity, column in columns.items())
    notes = [f"Columns taken: {taken}."]
    if axes:
        notes.append(f"Further settings: {', '.join(axes)}.")
    if ignored:
        notes.append(f"Taken for results or names, not settings: {', '.join(ignored)}.")
    if unfinished:
        notes.append(f"Rows without a finite {columns['loss']}, left out: {unfinished}.")
    return tuple(notes)
