"""What decides how long a step takes and how much memory it holds: runs alike in it are timed once.

Which rows a step takes, how often, and at what rate is no part of it.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from epochwise.config import Experiment

FAR = 16  # times: an adapter that is so much larger makes steps take noticeably longer
MOST = 6  # shapes timed for one plan: each takes seconds; the others are told from these
RANKS = ("r", "init_r", "target_r")  # arguments of peft that scale an adapter
TIMELESS = ("lora_alpha", "loraplus_lr_ratio")  # arguments that change numbers alone


class Kind(NamedTuple):
    """A shape but for its rank."""

    model: str
    """model.path and how its weights are stored, as JSON."""
    method: str
    """peft_type and the arguments that time depends on, as JSON."""
    batch_size: int
    micro_batch_size: int
    measured_at_once: int
    """Rows in one forward pass of a measurement."""


class Shape(NamedTuple):
    kind: Kind
    rank: int
    """0 for methods without one."""


class Told(NamedTuple):
    """Where the timing of a shape comes from: one that is measured, or the line through two."""

    low: Shape
    high: Shape
    share: float
    """Of the way from `low` to `high`."""


def shape(run: Experiment) -> Shape:
    model = run.model.model_dump(mode="json", include={"path", "weights"})
    method = {"peft_type": run.peft.peft_type} | {
        key: value > 0 if key.endswith("dropout") and isinstance(value, float) else value
        for key, value in run.peft.arguments.items()
        if key not in (*RANKS, *TIMELESS)
    }
    kind = Kind(
        json.dumps(model, sort_keys=True),
        json.dumps(method, sort_keys=True),
        run.train.batch_size,
        run.train.micro_batch_size or run.train.batch_size,
        run.evaluate.batch_size,
    )
    return Shape(kind, run.peft.rank or 0)


def chosen(work: Mapping[Shape, float]) -> list[Shape]:
    """The shapes to measure, MOST at most: of each kind the highest rank, and the lowest if far.

    Args:
        work: How much of the study has each shape; where there are too many, the kinds with the
            most come first.
    """
    kinds: dict[Kind, list[Shape]] = {}
    for each in sorted(work, key=lambda each: each.rank):
        kinds.setdefault(each.kind, []).append(each)
    in_turn = sorted(kinds.values(), key=lambda alike: sum(map(work.__getitem__, alike)))
    ends = [_ends(alike) for alike in reversed(in_turn)]
    first = [pair[0] for pair in ends]  # of every kind the one that needs the most memory
    return [*first, *(shape for pair in ends for shape in pair[1:])][:MOST]


def _ends(alike: Sequence[Shape]) -> list[Shape]:
    """The highest rank, then the lowest if it is far from it; given in their order."""
    lowest, highest = alike[0], alike[-1]
    return [highest, lowest] if 0 < FAR * lowest.rank <= highest.rank else [highest]


def told(wanted: Shape, measured: Iterable[Shape]) -> Told:
    """The nearest of what was measured: the same kind, else the same model, else any."""
    near = sorted(measured, key=lambda there: (_distance(wanted.kind, there.kind), there.rank))
    alike = [there for there in near if there.kind == near[0].kind]
    low = max((s for s in alike if s.rank <= wanted.rank), default=alike[0], key=_rank)
    high = min((s for s in alike if s.rank >= wanted.rank), default=alike[-1], key=_rank)
    width = high.rank - low.rank
    return Told(low, high, (wanted.rank - low.rank) / width if width > 0 else 0.0)


def _rank(there: Shape) -> int:
    return there.rank


def _distance(one: Kind, other: Kind) -> list[bool | float]:
    """The weightier differences first."""
    sizes = zip(one[2:], other[2:], strict=True)
    return [
        one.model != other.model,
        one.method != other.method,
        sum(abs(a - b) / max(a, b) for a, b in sizes),
    ]
