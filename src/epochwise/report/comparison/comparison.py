"""All that is told of two things or more, side by side."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from string import ascii_uppercase
from typing import Any, NamedTuple

from epochwise.quality import ALL, QUALITY, RUN, Quality
from epochwise.record import JSON, Record
from epochwise.report.comparison.pair import Pair, pairs
from epochwise.report.comparison.side import UNSET, Side, side
from epochwise.report.numbers.models import MEASURES, license_of
from epochwise.report.table import results

SHOWN = (  # columns of results.csv
    *("size", "epochs", "rank", "best_epoch", "val_loss", "probe_loss", "gap", "base_loss"),
    *("verdict", "confidence", "tokens", "seconds", "peak_memory"),
)
ANSWERED = (*MEASURES, "tokens_per_second", "license")


class Line(NamedTuple):
    """A setting or a result, with its value on each side."""

    key: str
    values: tuple[Any, ...]


@dataclass(frozen=True)
class Comparison:
    sides: tuple[Side, ...]
    settings: tuple[Line, ...]
    """Those that differ."""
    results: tuple[Line, ...]
    """Of the runs, or of the studies' recommended runs."""
    pairs: tuple[Pair, ...]
    """Runs of the first side, each beside its counterpart of another side."""

    @property
    def differ(self) -> bool:
        """In a setting, or in any loss of any run that they share."""
        if self.settings or len({len(side.records) for side in self.sides}) > 1:
            return True
        return not self.pairs or any(not _is_equal(each) for each in self.pairs)

    def json(self) -> JSON:
        return {
            "differ": self.differ,
            "sides": [_side(each) for each in self.sides],
            "settings": {line.key: list(line.values) for line in self.settings},
            "results": {line.key: list(line.values) for line in self.results},
            "pairs": [_pair(each) for each in self.pairs],
        }


def comparison(folders: Sequence[Path]) -> Comparison:
    """Of two folders or more, runs and studies as one likes.

    Raises:
        ValueError: Some are neither; all of them are told.
    """
    sides, problems = [], []
    for name, folder in zip(ascii_uppercase, folders, strict=False):
        try:
            sides.append(side(name, folder))
        except ValueError as problem:
            problems.append(str(problem))
    if problems:
        raise ValueError("\n  ".join(problems))
    found = tuple(each for other in sides[1:] for each in pairs(sides[0], other))
    return Comparison(tuple(sides), _settings(sides), _results(sides), found)


def _settings(sides: Sequence[Side]) -> tuple[Line, ...]:
    keys = dict.fromkeys(key for each in sides for key in each.settings)
    lines = (Line(key, tuple(each.setting(key) for each in sides)) for key in keys)
    return tuple(line for line in lines if any(value != line.values[0] for value in line.values))


def _results(sides: Sequence[Side]) -> tuple[Line, ...]:
    """Of the run that stands for each side; lines of which no side knows anything are left out."""
    rows = [_row(each.chosen) | _answered(each) for each in sides]
    lines = (Line(key, tuple(row[key] for row in rows)) for key in (*SHOWN, *ANSWERED))
    return tuple(line for line in lines if line.key in SHOWN or set(line.values) != {UNSET})


def _row(record: Record | None) -> dict[str, Any]:
    return dict.fromkeys(SHOWN, UNSET) if record is None else results([record])[0]


def _answered(side: Side) -> dict[str, Any]:
    """What matters between base models: measures of its answers, its speed and its licence."""
    found: dict[str, Any] = dict.fromkeys(ANSWERED, UNSET)
    if side.chosen is None:
        return found
    home, summary = side.home(side.chosen), side.chosen.summary
    if (home / QUALITY).is_file():
        whole = Quality.load(home).arms[RUN].get(ALL, {})
        found |= {name: whole[name].value for name in MEASURES if name in whole}
    if summary.seconds > 0:
        found["tokens_per_second"] = summary.tokens / summary.seconds
    return found | {"license": license_of(home) or UNSET}


def _is_equal(pair: Pair) -> bool:
    """To the last digit; a loss that is not a number equals another such."""
    return str(pair.first.curve) == str(pair.other.curve)


def _side(side: Side) -> JSON:
    chosen = None if side.chosen is None else side.chosen.id
    told = {"name": side.name, "folder": str(side.folder), "runs": len(side.records)}
    return told | {"run": chosen, "finding": side.answer}


def _pair(pair: Pair) -> JSON:
    told: JSON = {
        "first": pair.first.label,
        "other": pair.other.label,
        "other_side": pair.other_side,
        "losses": [pair.first.curve[-1].val, pair.other.curve[-1].val],
        "unit": pair.unit,
        "rows": pair.rows,
    }
    if pair.difference is None:
        return told | {"difference": None, "interval": None, "sure": False}
    ends = [pair.difference.low, pair.difference.high]
    return told | {"difference": pair.difference.estimate, "interval": ends, "sure": pair.is_sure}
