"""What a study says: the setting to use, how sure that is, and what would change it."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from epochwise.diagnose import answer
from epochwise.diagnose.cells import Cell, cells
from epochwise.diagnose.discoveries import doubtful
from epochwise.diagnose.guard import Guard, guard
from epochwise.diagnose.more_data import MoreData, more_data
from epochwise.diagnose.optimum import LawFinding, law_finding
from epochwise.diagnose.regret import Regret, regret
from epochwise.diagnose.seeds import NextSeeds, next_seeds
from epochwise.diagnose.slices import SizeSlice, size_slices
from epochwise.record import JSON, Record, RowLosses, finished, run_folder

SURE = 0.9  # P(regret <= eps) of a recommendation


@dataclass(frozen=True)
class Standing:
    """One cell against all others."""

    cell: JSON
    runs: tuple[str, ...]
    loss: float
    interval: tuple[float, float]
    """Holds the loss 9 times in 10 under other rows and seeds."""
    p_regret: float
    p_best: float


@dataclass(frozen=True)
class Finding:
    cell: JSON | None
    """Dotted config key -> value of the recommended cell; None where nothing can be compared."""
    run: str | None
    """The recommended cell's first run."""
    sure: bool
    """Whether the recommended cell is, 9 times in 10, as good as the best."""
    equals: tuple[str, ...]
    """First runs of the other cells that are as good; where none is sure, of the candidates."""
    p_regret: float | None
    """P(regret <= eps) of the recommended cell."""
    eps: float | None
    loss: float | None
    """Of the recommended cell, in `unit`."""
    unit: str
    sentences: tuple[str, ...]
    """The answer in words, most important first."""
    would_change: tuple[str, ...]
    standings: tuple[Standing, ...]
    """All compared cells, lowest loss first."""
    law: LawFinding | None = None
    """None unless there are at least 4 lengths and 3 sizes."""
    more_data: MoreData | None = None
    """None unless there are at least 3 sizes."""
    slices: tuple[SizeSlice, ...] = ()
    """Sizes at equal epochs and at equal steps."""
    next_seeds: NextSeeds | None = None
    guard: Guard | None = None
    doubtful: tuple[str, ...] = ()
    """Runs whose verdict may be chance among so many."""


def find(records: Sequence[Record], rows: Mapping[str, RowLosses]) -> Finding:
    """The cheapest cell that is, 9 times in 10, as good as the best; else where to begin.

    That is the cheapest of the candidates that are at least half as likely to be as good as the
    likeliest of them is.

    The candidates are the fewest cells among which the best one is, 9 times in 10.

    Args:
        records: The finished runs, in any number.
        rows: Run id -> its losses per row. Runs without, or with other validation rows than most,
            are not compared: a loss over other rows is another quantity.
    """
    measured = [record for record in records if math.isfinite(record.curve[-1].val)]
    compared = _comparable(measured, rows)
    left_out = answer.left_out(len(records), len(measured), len(compared))
    if not compared:
        return _nothing(cells(measured), left_out)
    grid = cells(compared)
    finding = recommendation(grid, regret(grid, rows), left_out)
    chance = doubtful(compared)
    said = (*finding.sentences, *answer.chance(chance, compared))
    return replace(finding, doubtful=chance, sentences=said)


def study_finding(folder: Path) -> Finding:
    """The finding of a study, from what its finished runs have left."""
    records = finished(folder)
    rows = {r.id: RowLosses.load(run_folder(folder, r.id) / "rows.npz") for r in records}
    return find(records, rows)


def _comparable(records: Sequence[Record], rows: Mapping[str, RowLosses]) -> list[Record]:
    """The largest set of records with the same validation rows."""
    digests = {
        record.id: rows[record.id].val_digest.tobytes()
        for record in records
        if record.id in rows and np.isfinite(rows[record.id].val[-1]).all()
    }
    if not digests:
        return []
    most = Counter(digests.values()).most_common(1)[0][0]
    return [record for record in records if digests.get(record.id) == most]


def recommendation(grid: Sequence[Cell], measured: Regret, left_out: tuple[str, ...]) -> Finding:
    """The finding of a grid that was measured in whatever way."""
    p_regret = measured.p_regret
    sure = [i for i, p in enumerate(p_regret) if p >= SURE]
    good = sure or _candidates(measured)
    likely = [i for i in good if p_regret[i] >= p_regret[good].max() / 2]
    chosen = min(likely, key=lambda i: (*grid[i].cost, measured.loss[i]))
    equals = [i for i in good if i != chosen]
    said = answer.Answer(grid, measured, chosen, bool(sure), equals)
    finding = Finding(
        cell=grid[chosen].settings,
        run=grid[chosen].records[0].id,
        sure=bool(sure),
        equals=tuple(grid[i].records[0].id for i in equals),
        p_regret=float(p_regret[chosen]),
        eps=measured.eps,
        loss=float(measured.loss[chosen]),
        unit=said.unit,
        sentences=(said.headline(),),
        would_change=said.would_change(),
        standings=_standings(grid, measured),
        law=law_finding(grid, measured, chosen),
        more_data=more_data(grid, measured, chosen),
        slices=size_slices(grid, measured, chosen),
        next_seeds=None if sure else next_seeds(grid, measured),
        guard=guard(grid, measured, chosen),
    )
    return _told(finding, (*answer.courses(grid), *said.axes()), left_out)


def _told(finding: Finding, seen: tuple[str, ...], left_out: tuple[str, ...]) -> Finding:
    """With all its sentences: the answer, what was seen, what follows."""
    parts = (finding.law, finding.more_data, *finding.slices, finding.guard)
    follows = tuple(part.sentence for part in parts if part is not None)
    seeds = () if finding.next_seeds is None else (finding.next_seeds.sentence,)
    return replace(
        finding,
        sentences=(*finding.sentences, *seen, *follows, *left_out),
        would_change=(*seeds, *finding.would_change),
    )


def _candidates(measured: Regret) -> list[int]:
    """The fewest cells among which the best one is, 9 times in 10."""
    order = np.argsort(-measured.p_best, kind="stable")
    needed = int(np.searchsorted(np.cumsum(measured.p_best[order]), SURE)) + 1
    return [int(i) for i in order[:needed]]


def _standings(grid: Sequence[Cell], measured: Regret) -> tuple[Standing, ...]:
    (low, high), p_regret, p_best = measured.interval, measured.p_regret, measured.p_best
    return tuple(
        Standing(
            grid[i].settings,
            tuple(record.id for record in grid[i].records),
            float(measured.loss[i]),
            (float(low[i]), float(high[i])),
            float(p_regret[i]),
            float(p_best[i]),
        )
        for i in np.argsort(measured.loss, kind="stable")
    )


def _nothing(grid: Sequence[Cell], left_out: tuple[str, ...]) -> Finding:
    """A finding without a recommendation: the curves alone, if there are any."""
    return Finding(
        cell=None,
        run=None,
        sure=False,
        equals=(),
        p_regret=None,
        eps=None,
        loss=None,
        unit=answer.PER_TOKEN,
        sentences=(answer.NOTHING, *answer.courses(grid), *left_out),
        would_change=("Runs that finish, with their losses per row.",),
        standings=(),
    )
