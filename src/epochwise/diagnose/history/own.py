"""Our own runs: the record with its rows, or the journal of one that is not done."""

import math
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from epochwise.diagnose.history.numeral import number
from epochwise.diagnose.history.text import json_lines
from epochwise.diagnose.trace import EMPTY, Trace
from epochwise.diagnose.verdict import Verdict, judge
from epochwise.record import Point, Record, RowLosses

RECORD = {"id", "label", "settings", "curve", "summary"}
MOST_EPOCHS = 100_000


def is_record(document: Any) -> bool:
    return isinstance(document, dict) and document.keys() >= RECORD


def is_journal(lines: Sequence[Mapping[str, Any]]) -> bool:
    return bool(lines) and all("kind" in line and "crc" in line for line in lines)


def judged_record(path: Path) -> Verdict:
    """The verdict of a record, by its rows and its journal where they lie beside it.

    Raises:
        ValueError: The record, or what lies beside it, is damaged.
    """
    try:
        record = Record.load(path)
        curve = _checked([point._asdict() for point in record.curve])
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"found a damaged record.json: {error!r}") from None
    rows = _rows(path.with_name("rows.npz"), len(curve))
    journal = path.with_name("journal.jsonl")
    lines = json_lines(journal.read_text(encoding="utf-8")) if journal.is_file() else []
    return judge(curve, rows, steps=_steps(lines))


def judged_journal(lines: Sequence[Mapping[str, Any]]) -> Verdict:
    """The verdict of a run that is under way, or was stopped.

    Raises:
        ValueError: No point is in the journal yet.
    """
    curve = _checked([line for line in lines if line["kind"] == "point"])
    if not curve:
        raise ValueError("found a journal without any measured point: let one epoch finish")
    return judge(curve, None, steps=_steps(lines))


def _checked(points: Sequence[Mapping[str, Any]]) -> list[Point]:
    """The points in the order of epochs; a later row replaces an earlier one."""
    by_epoch: dict[int, Point] = {}
    for point in points:
        epoch, val, probe = (number(point.get(name)) for name in ("epoch", "val", "probe"))
        if epoch is None or not 0 <= epoch < MOST_EPOCHS:
            raise ValueError(
                f"found a point at epoch {point.get('epoch')!r}; it has to be 0 or more"
            )
        known = math.nan if val is None else val
        by_epoch[int(epoch)] = Point(int(epoch), known, math.nan if probe is None else probe)
    return [by_epoch[epoch] for epoch in sorted(by_epoch)]


def _rows(path: Path, points: int) -> RowLosses | None:
    if not path.is_file():
        return None
    try:
        rows = RowLosses.load(path)
    except (ValueError, KeyError, EOFError, OSError, zipfile.BadZipFile) as error:
        raise ValueError(f"found a damaged rows.npz beside it: {error}") from None
    if len(rows.val) != points:
        raise ValueError(
            f"found {points} points in it and {len(rows.val)} in the rows.npz beside it"
        )
    return rows


def _steps(lines: Sequence[Mapping[str, Any]]) -> Trace:
    taken = [line for line in lines if line.get("kind") == "step"]
    pairs = [(number(line.get("epoch")), number(line.get("loss"))) for line in taken]
    known = dict((at, loss) for at, loss in pairs if at is not None and loss is not None)
    if not known:
        return EMPTY
    at, losses = np.array(sorted(known.items()), dtype=float).T
    return Trace(at.copy(), losses.copy())
