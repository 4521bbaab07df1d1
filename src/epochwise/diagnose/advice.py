"""The recommendation from results of any origin, and how it is told."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from epochwise.diagnose.cells import Cell, cells
from epochwise.diagnose.finding import Finding, recommendation, study_finding
from epochwise.diagnose.optimum import arm_of, law_choice
from epochwise.diagnose.regret import SEED_SHARE, Regret, Spread, seed_spread
from epochwise.diagnose.table import reading
from epochwise.record import JSON


@dataclass(frozen=True)
class Advice:
    finding: Finding
    noise: str
    """Where the probabilities have their noise from."""
    notes: tuple[str, ...]

    def json(self) -> JSON:
        return asdict(self.finding) | {"noise": self.noise, "notes": self.notes}

    def lines(self) -> list[str]:
        found = self.finding
        lines = [*found.sentences, "", "What would change this:"]
        lines += [f"  - {sentence}" for sentence in found.would_change]
        return [*lines, "", self.noise, *self.notes]


def study_advice(folder: Path) -> Advice:
    """From the runs of a study, with their losses per row."""
    noise = "Noise: of rows and seeds, from the losses per row."
    return Advice(study_finding(folder), noise, ())


def table_advice(path: Path, named: Mapping[str, str], *, maximize: bool) -> Advice:
    """From a table, whose only noise is that of seeds.

    Raises:
        ValueError: All mistakes of the table, a line each.
    """
    read = reading(path, named, maximize=maximize)
    grid = cells(read.records)
    measured, noise = _measured(grid)
    finding = recommendation(grid, measured, ())
    unit = "-log(score)" if maximize else "in the table's unit"
    said = tuple(sentence.replace(finding.unit, unit) for sentence in finding.sentences)
    return Advice(replace(finding, unit=unit, sentences=said), noise, read.notes)


def _measured(grid: Sequence[Cell]) -> tuple[Regret, str]:
    """Losses of the cells and what other seeds would make of them."""
    losses = [np.array([record.curve[-1].val for record in cell.records]) for cell in grid]
    spread = seed_spread(grid, losses)
    if spread.measured is not None:
        said = f"Noise: from seeds, whose standard deviation is {spread.measured:.4f}."
        return _regret(grid, losses, spread), said
    means = np.array([float(seeds.mean()) for seeds in losses])
    arm = arm_of(grid, int(means.argmin()))
    law = law_choice([grid[i] for i in arm], means[arm])
    if law is None:
        said = f"Noise: one seed each, so {SEED_SHARE:.1%} of the loss is assumed."
        return _regret(grid, losses, spread), said
    sd = law.residual * float(means.min())
    said = (
        f"Noise: one seed each, so it is what the law {law.fitted.law.name} leaves over, a "
        f"standard deviation of {sd:.4f}; what the law misses counts as noise."
    )
    return _regret(grid, losses, Spread(sd, law.freedom, None)), said


def _regret(grid: Sequence[Cell], losses: Sequence[np.ndarray], spread: Spread) -> Regret:
    means = np.array([float(seeds.mean()) for seeds in losses])
    noise = spread.drawn(grid, np.random.default_rng(0))
    return Regret(means, means + noise, spread.margin(means), True, spread.sd)
