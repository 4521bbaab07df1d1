"""What a trunk is made of, counted: everything that takes time, memory or room."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from jaxtyping import Int

from epochwise.config import WHOLE_MODEL, Experiment
from epochwise.data.order import order, rows_until, steps_per_epoch
from epochwise.train.trajectory import Stretch

EXACT = 8  # epochs whose steps are counted one by one; a part of a later one is taken to be like

Tokens = Int[np.ndarray, " rows"]
Sums = Int[np.ndarray, " steps"]


class Lengths(NamedTuple):
    """Tokens of each row, prompt and response."""

    val: Tokens
    train: Tokens
    """At every size: a smaller one is the beginning of it."""
    general: Tokens = np.zeros(0, int)
    """Of general texts and canaries, not of rows."""


class Batches(NamedTuple):
    """What measuring a split takes."""

    number: int
    tokens: int


class Split(NamedTuple):
    """Rows that the untuned base model is measured on, once for all trunks."""

    model: str
    rows: str
    """What they are: equal for the same rows in the same batches."""
    batches: Batches


class Workload(NamedTuple):
    """Of one trunk; but for the last two, numbers that add up."""

    steps: int = 0
    row_passes: int = 0
    tokens: int = 0
    """Prompt and response tokens that are trained on."""
    stretches: int = 0
    """Between two measurements, exits or branches."""
    measurements: int = 0
    batches: int = 0
    """Of all measurements; their tokens are `batch_tokens`."""
    batch_tokens: int = 0
    exits: int = 0
    points: int = 0
    """Epochs of the curves of all runs."""
    lines: int = 0
    """Of the journals of all runs."""
    branches: int = 0
    """States from which several stretches go on."""
    ends: int = 0
    """States kept for larger grids."""
    end_lines: int = 0
    """Of the journals in these states."""
    largest: int = 0
    """Tokens of the largest step."""
    untuned: tuple[Split, ...] = ()


ADDED = Workload._fields.index("largest")  # the numbers before it add up


class Steps:
    """The tokens of each step, for runs of one size, batch size and seed, whatever their length."""

    def __init__(self, tokens: Tokens, batch_size: int, seed: int) -> None:
        self.rows = tokens
        self.batch_size = batch_size
        self.seed = seed
        self.epochs: list[Sums] = []

    def until(self, step: int) -> int:
        """Tokens of all steps up to this one."""
        epochs, place = divmod(step, steps_per_epoch(len(self.rows), self.batch_size))
        tokens = epochs * int(self.rows.sum())
        return tokens + (int(self._epoch(min(epochs + 1, EXACT))[place - 1]) if place else 0)

    def largest(self) -> int:
        """Tokens of the first epoch's largest step."""
        return int(np.diff(self._epoch(1), prepend=0).max())

    def _epoch(self, number: int) -> Sums:
        while len(self.epochs) < number:
            taken = self.rows[np.array(order(self.seed, len(self.epochs) + 1, len(self.rows)))]
            self.epochs.append(self._sums(taken))
        return self.epochs[number - 1]

    def _sums(self, taken: Tokens) -> Sums:
        """Tokens up to each step of an epoch."""
        starts = np.arange(0, len(taken), self.batch_size)
        return np.add.reduceat(taken, starts).cumsum()


def batches(tokens: Tokens, batch_size: int) -> Batches:
    """Those of a measurement: rows of like length together, the longest first.

    >>> batches(np.array([5, 9, 4]), 2)
    Batches(number=2, tokens=18)
    """
    return Batches(steps_per_epoch(len(tokens), batch_size), int(tokens.sum()))


class Counter:
    """Counts trunks; what several have in common is counted once."""

    def __init__(
        self, rows_of: Callable[[Experiment], str], lengths: Mapping[str, Lengths]
    ) -> None:
        """`rows_of`: the name under which `lengths` has the rows of a run, if they are known."""
        self.rows_of = rows_of
        self.lengths = lengths
        self._steps: dict[tuple[str | int, ...], Steps] = {}
        self._splits: dict[tuple[str | int, ...], tuple[Split, ...]] = {}

    def workload(self, tree: Stretch, runs: Mapping[str, Experiment]) -> Workload:
        parts = [self._stretch(part, runs)[:ADDED] for part in tree.flattened()]
        sizes = {runs[run].data.size: runs[run] for run in tree.runs}
        untuned = [split for run in sizes.values() for split in self.splits(run)]
        largest = self.steps(max(sizes.values(), key=lambda run: run.data.size)).largest()
        added = map(sum, zip(*parts, strict=True))
        counted = Workload._make([*added, largest, tuple(dict.fromkeys(untuned))])
        return counted._replace(
            exits=len(tree.runs),
            points=sum(runs[run].train.epochs for run in tree.runs),
            lines=sum(path.steps for path in tree.runs.values()),
        )

    def steps(self, run: Experiment) -> Steps:
        train = run.train
        key = (self.rows_of(run), run.data.size, train.batch_size, train.seed)
        if key not in self._steps:
            rows = self._lengths(run).train[: run.data.size]
            self._steps[key] = Steps(rows, train.batch_size, train.seed)
        return self._steps[key]

    def splits(self, run: Experiment) -> tuple[Split, ...]:
        """Validation rows, probe, and general texts where they are measured."""
        size, probes = run.evaluate.batch_size, min(run.evaluate.probe_size, run.data.size)
        key = (run.model.model_dump_json(), self.rows_of(run), size, probes)
        if key not in self._splits:
            rows = self._lengths(run)
            model = run.model.model_dump_json(include={"path", "weights", "template", "thinking"})
            whose = self.rows_of(run)
            named = {
                f"{whose} val {size}": rows.val,
                f"{whose} train {size} {probes}": rows.train[:probes],
                f"general {run.evaluate.general} {run.data.canaries} {size}": rows.general,
            }
            self._splits[key] = tuple(
                Split(model, name, batches(part, size)) for name, part in named.items() if len(part)
            )
        return self._splits[key]

    def _lengths(self, run: Experiment) -> Lengths:
        """Zeros where they are not known: what does not depend on them is counted all the same."""
        unknown = Lengths(np.zeros(run.data.val_size, int), np.zeros(run.data.size, int))
        return self.lengths.get(self.rows_of(run), unknown)

    def _stretch(self, part: Stretch, runs: Mapping[str, Experiment]) -> Workload:
        leader = runs[part.leader]
        batch_size = leader.train.batch_size
        before, after = (self.steps(leader).until(step) for step in (part.first - 1, part.last))
        passes = [
            rows_until(step, leader.data.size, batch_size) for step in (part.first - 1, part.last)
        ]
        sizes = {runs[run].data.size: runs[run] for run in part.runs}
        ends = {size: _multiples(steps_per_epoch(size, batch_size), part) for size in sizes}
        measured = [
            (len(ends[size]), split) for size in sizes for split in self.splits(sizes[size])
        ]
        keeps_end = not part.branches and _keeps_end(leader)
        return Workload(
            steps=part.last - part.first + 1,
            row_passes=passes[1] - passes[0],
            tokens=after - before,
            stretches=len({part.last}.union(*ends.values())),
            measurements=sum(map(len, ends.values())),
            batches=sum(times * split.batches.number for times, split in measured),
            batch_tokens=sum(times * split.batches.tokens for times, split in measured),
            branches=int(bool(part.branches)),
            ends=int(keeps_end),
            end_lines=part.last * len(sizes) if keeps_end else 0,
        )


def _multiples(length: int, part: Stretch) -> range:
    """The steps of the stretch that end an epoch."""
    return range(-(-part.first // length) * length, part.last + 1, length)


def _keeps_end(run: Experiment) -> bool:
    return run.peft.peft_type not in WHOLE_MODEL and run.train.schedule == "constant"
