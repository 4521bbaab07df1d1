"""The base models of a study: each fine-tuned as well as the study could, and as it was."""

import math
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

import numpy as np

from epochwise.diagnose.answer import PER_ANSWER
from epochwise.diagnose.cells import Cell, cells
from epochwise.diagnose.noise import contrast
from epochwise.quality import ALL, BASE, METRIC, QUALITY, RUN, Measure, Quality
from epochwise.record import JSON, Record, RowLosses, read_json, run_folder
from epochwise.report.numbers.sheet import Sheet

NAME = "model.name"
MEASURES = ("bits_per_byte", METRIC, "honesty", "language")  # over all questions, of `Quality`


class Loss(NamedTuple):
    """Of `Compared.unit`, with the interval that holds it 9 times in 10 under other rows."""

    value: float
    low: float | None
    high: float | None


class Model(NamedTuple):
    name: str
    cell: Cell
    """Its runs of the lowest validation loss, which differ in their seed alone."""
    tuned: Loss
    untuned: Loss
    quality: Quality | None
    """None where its run has not answered any question."""
    tokens_per_second: float
    """Trained on, over the time of training and measuring."""
    peak_memory: float
    seconds: float
    cost: float | None
    """Of a run, as if it had run alone; None where no price is given."""
    license: str | None

    @property
    def run(self) -> str:
        return self.cell.records[0].id

    def measured(self, arm: str, measure: str, kind: str = ALL) -> Measure | None:
        if self.quality is None:
            return None
        return self.quality.arms[arm].get(kind, {}).get(measure)


class Compared(NamedTuple):
    """Two base models or more."""

    models: tuple[Model, ...]
    unit: str
    tried: dict[str, int]
    """Model -> how many settings were run with it."""
    all_tried: int
    """Settings that were run with any."""

    @property
    def measures(self) -> tuple[str, ...]:
        """Those that some model has."""
        return tuple(m for m in MEASURES if any(each.measured(RUN, m) for each in self.models))

    @property
    def kinds(self) -> tuple[str, ...]:
        """Kinds of questions, in the order in which they were asked."""
        asked = [each.quality.arms[RUN] for each in self.models if each.quality is not None]
        return tuple(dict.fromkeys(kind for found in asked for kind in found if kind != ALL))

    @property
    def is_same_exam(self) -> bool:
        """Whether all that were asked were asked the same questions in the same way."""
        return len({each.quality.digest for each in self.models if each.quality is not None}) < 2


def compared(
    folder: Path, records: Sequence[Record], finding: JSON, price_per_hour: float | None
) -> Compared | None:
    """None where a study has one model alone."""
    groups: dict[str, list[Cell]] = {}
    for cell in cells(records):
        groups.setdefault(str(cell.records[0].settings["model"]["name"]), []).append(cell)
    if len(groups) < 2:
        return None
    tried = {name: {cell.without(NAME) for cell in group} for name, group in groups.items()}
    return Compared(
        tuple(
            _model(name, group, folder, finding, price_per_hour) for name, group in groups.items()
        ),
        finding["unit"],
        {name: len(settings) for name, settings in tried.items()},
        len(set.union(*tried.values())),
    )


def _model(
    name: str, group: Sequence[Cell], folder: Path, finding: JSON, price: float | None
) -> Model:
    best = min(group, key=lambda cell: (math.isnan(cell.loss), cell.loss))
    home = run_folder(folder, best.records[0].id)
    summaries = [record.summary for record in best.records]
    seconds = fmean(each.seconds for each in summaries)
    return Model(
        name=name,
        cell=best,
        tuned=_tuned(best, finding),
        untuned=_untuned(RowLosses.load(home / "rows.npz"), finding["unit"]),
        quality=Quality.load(home) if (home / QUALITY).is_file() else None,
        tokens_per_second=fmean(each.tokens for each in summaries) / seconds,
        peak_memory=max(each.peak_memory for each in summaries),
        seconds=seconds,
        cost=None if price is None else seconds / 3600 * price,
        license=license_of(home),
    )


def _tuned(cell: Cell, finding: JSON) -> Loss:
    """As the finding has it; without an interval where it could not compare the cell."""
    for standing in finding["standings"]:
        if cell.records[0].id in standing["runs"]:
            return Loss(standing["loss"], *standing["interval"])
    return Loss(cell.loss, None, None)


def _untuned(rows: RowLosses, unit: str) -> Loss:
    counts = np.ones_like(rows.val_tokens) if unit == PER_ANSWER else rows.val_tokens
    found = contrast(rows.val[0], counts, rows.val_source)
    if not math.isfinite(found.error):
        return Loss(found.estimate, None, None)
    return Loss(found.estimate, found.low, found.high)


def license_of(run: Path) -> str | None:
    """As the model's card names it; None where it names none, or the run kept none."""
    path = run / "provenance.json"
    found = read_json(path).get("license") if path.is_file() else None
    return None if found is None else str(found)


def sheet(found: Compared) -> Sheet:
    """All numbers of the table: a row a model, and one its untuned self."""
    columns = ["model", "arm", "run", "size", "epochs", "loss", "low", "high"]
    for name in found.measures:
        columns += [name, f"{name}_low", f"{name}_high"]
    columns += ["tokens_per_second", "peak_memory", "seconds", "cost", "license"]
    rows = [row for model in found.models for row in _rows(model, found.measures)]
    return Sheet(tuple(columns), tuple(rows))


def _rows(model: Model, measures: Sequence[str]) -> list[tuple[object, ...]]:
    cell, price = model.cell, (model.tokens_per_second, model.peak_memory, model.seconds)
    tuned = (model.name, RUN, model.run, cell.size, cell.epochs, *model.tuned)
    untuned = (model.name, BASE, None, None, None, *model.untuned)
    return [
        (*tuned, *_measured(model, RUN, measures), *price, model.cost, model.license),
        (*untuned, *_measured(model, BASE, measures), None, None, None, None, model.license),
    ]


def _measured(model: Model, arm: str, measures: Sequence[str]) -> list[float | None]:
    found: list[float | None] = []
    for each in (model.measured(arm, name) for name in measures):
        found += (None, None, None) if each is None else (each.value, each.low, each.high)
    return found


def kind_sheet(found: Compared) -> Sheet:
    """F1 by kind of question, of every model and its untuned self."""
    return Sheet(
        ("model", "arm", "kind", METRIC, "low", "high", "n"),
        tuple(
            (model.name, arm, kind, each.value, each.low, each.high, each.n)
            for model in found.models
            for arm in (RUN, BASE)
            for kind in found.kinds
            if (each := model.measured(arm, METRIC, kind)) is not None
        ),
    )
