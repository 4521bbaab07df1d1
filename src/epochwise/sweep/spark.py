"""Curves small enough for a line of text."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from epochwise.record import Study, run_folder
from epochwise.train import journal

BARS = "▁▂▃▄▅▆▇█"
MOST = 20  # runs on a screen


class Spark(NamedTuple):
    label: str
    losses: tuple[float, ...]
    """Validation losses as far as they are measured, that of the untuned base model first."""

    @property
    def last(self) -> float:
        return self.losses[-1]


def sparks(study_folder: Path) -> list[Spark]:
    """The begun runs, the lowest last loss first, no more than fit a screen."""
    runs = Study.load(study_folder).runs
    journals = {run.label: run_folder(study_folder, run.id) / "journal.jsonl" for run in runs}
    found = [Spark(label, _losses(path)) for label, path in journals.items() if path.is_file()]
    begun = [spark for spark in found if len(spark.losses) > 1]
    return sorted(begun, key=lambda spark: (math.isnan(spark.last), spark.last))[:MOST]


def _losses(path: Path) -> tuple[float, ...]:
    points = [row for row in journal.read(path) if row["kind"] == "point"]
    return tuple(math.nan if point["val"] is None else point["val"] for point in points)


def line(losses: Sequence[float]) -> str:
    """A bar for each loss but the first, which is the base model's and mostly far above.

    >>> line([4.0, 2.0, 1.0, 1.5])
    '█▁▄'
    """
    tuned = losses[1:]
    known = [loss for loss in tuned if math.isfinite(loss)]
    if not known:
        return "·" * len(tuned)
    low, span = min(known), (max(known) - min(known)) or 1.0
    return "".join(
        BARS[int((loss - low) / span * (len(BARS) - 1))] if math.isfinite(loss) else "·"
        for loss in tuned
    )
