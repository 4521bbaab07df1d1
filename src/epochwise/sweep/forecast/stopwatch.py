"""The parts of a training, timed one by one: the very code that trains, on rows of the study.

Runs in a worker: torch is loaded.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from epochwise.config import Experiment
from epochwise.data.batch import Step, by_length
from epochwise.data.batch import steps as steps_of
from epochwise.data.module import Measured
from epochwise.data.order import cut, steps_per_epoch
from epochwise.data.prepare import Prepared, prepare
from epochwise.data.rows import digest
from epochwise.experiment import untrained_tuner
from epochwise.model.adapter import trainable
from epochwise.model.gguf import as_folder
from epochwise.model.location import Location, locate
from epochwise.model.module import FineTuner, Taken
from epochwise.model.pretrained import Pretrained, load_pretrained, load_tokenizer
from epochwise.model.ranks import ALONE
from epochwise.record import run_folder
from epochwise.sweep.forecast.timing import Timing
from epochwise.train import checkpoint, journal
from epochwise.train.board import Board
from epochwise.train.measure import TEMPERATURES, TEMPERED, Curve, measured
from epochwise.train.memory import forget_peak, peak_memory
from epochwise.train.provenance import provenance
from epochwise.train.state import State
from epochwise.train.stop import Stop
from epochwise.train.trainer import Telling, Watch, build_trainer

ENOUGH = 0.7  # seconds of steps, and of measurements, after which no more are timed
VARIETY = 5  # lengths timed, from the shortest to the longest
FIRST = 2  # rounds that go slower, as lengths are met for the first time; counted if there are none
RUN, TRAJECTORY = "run", "0" * 32
THIRD = 100 / 3  # as many digits as numbers have
STEP = Taken(100, 1000, THIRD, 4e-4, THIRD)._asdict() | {"epoch": THIRD, "tokens": 100_000}


class Took(NamedTuple):
    """One step, or one batch of a measurement."""

    tokens: int
    seconds: float


class Line(NamedTuple):
    """Seconds of what has n tokens: `fixed + n * token`."""

    fixed: float
    token: float


class Timed(NamedTuple):
    parts: list[Took]
    rest: float
    """Seconds around the parts."""


@dataclass(frozen=True)
class Given:
    """Steps as Lightning reads them: a list it would take for many loaders."""

    steps: Sequence[Step]

    def __len__(self) -> int:
        return len(self.steps)

    def __iter__(self) -> Iterator[Step]:
        return iter(self.steps)


class Bench(NamedTuple):
    """A training ready to take steps."""

    run: Experiment
    tuner: FineTuner
    data: Prepared
    pad_id: int

    def watch(self, alive: Callable[[], None] = lambda: None) -> Watch:
        return Watch(Stop(Path("nowhere")), alive, ALONE)


def timing(run: Experiment, scratch: Path) -> Timing:
    """What the parts of this run's training take; what has to be written goes under `scratch`.

    Args:
        run: Of the runs that take the same time for a step, one with the longest rows.
    """
    _location(run)
    forget_peak()
    start = time.perf_counter()
    loaded = load_pretrained(run.model, ALONE.device)
    origin = provenance(
        data={"digest": digest(run.data)},
        model=loaded.fingerprint,
        license=loaded.license,
        command="",
    )
    prepare(run.data, run.evaluate, loaded.tokenizer)
    load = time.perf_counter() - start
    start = time.perf_counter()
    bench = _begun(run, loaded)
    begin = time.perf_counter() - start
    warm, fit, step = _steps(bench)
    measure, batch = _measurements(bench)
    shorter, longer = (_left(bench, origin, scratch / str(n), n) for n in (1, run.train.epochs + 1))
    kept = _kept(bench, scratch / "checkpoints")
    point_bytes = (longer.size - shorter.size) / max(1, run.train.epochs)
    return Timing(
        load=load + max(0.0, warm.seconds - step.fixed - step.token * warm.tokens),
        begin=begin,
        fit=fit,
        step=step.fixed,
        step_token=step.token,
        measure=measure,
        batch=batch.fixed,
        batch_token=batch.token,
        leave=(shorter.seconds + longer.seconds) / 2,
        keep=kept.seconds,
        peak_memory=peak_memory(),
        run_bytes=shorter.size - point_bytes,
        point_bytes=point_bytes,
        line_bytes=shorter.line,
        keep_bytes=kept.size,
        adapter_bytes=sum(p.nbytes for _, p in trainable(bench.tuner.model)),
    )


def line(parts: Sequence[Took]) -> Line:
    """The least-squares line through the parts, neither term below zero.

    Where all are of one length only a time per token can be told, and so it is where the
    steepest line would begin below zero; where longer parts took no longer, only a mean.

    >>> line([Took(10, 3.0), Took(30, 5.0)])
    Line(fixed=2.0, token=0.1)
    """
    tokens, seconds = (np.array(values, float) for values in zip(*parts, strict=True))
    away = tokens - tokens.mean()
    spread = float(away @ away)
    token = float(away @ seconds) / spread if spread else 0.0
    fixed = float(seconds.mean() - token * tokens.mean())
    if spread == 0 or fixed < 0:
        return Line(0.0, float(tokens @ seconds / (tokens @ tokens)))
    return Line(fixed, token) if token > 0 else Line(float(seconds.mean()), 0.0)


def row_lengths(run: Experiment) -> list[list[int]]:
    """Tokens of the validation rows, of the training rows, and of what else is measured."""
    data = prepare(run.data, run.evaluate, load_tokenizer(run.model, _location(run)))
    others = data.general + data.canaries.examples
    return [[len(row.ids) for row in rows] for rows in (data.val, data.train, others)]


def _location(run: Experiment) -> Location:
    """A GGUF file is converted once for all time: that is no part of loading."""
    return as_folder(locate(run.model.path))


def _begun(run: Experiment, loaded: Pretrained) -> Bench:
    data = prepare(run.data, run.evaluate, loaded.tokenizer)
    total = run.train.epochs * steps_per_epoch(run.data.size, run.train.batch_size)
    tuner = untrained_tuner(run, loaded.model, total_steps=total)
    return Bench(run, tuner, data, loaded.tokenizer.pad_token_id)


def _steps(bench: Bench) -> tuple[Took, float, Line]:
    """The very first step, the seconds around the steps of a stretch, and the steps' line.

    A large model takes two steps: half of a short one, and the longest.
    """
    chosen = _of_all_lengths(bench)
    rounds = [_fitted(bench, chosen[:1]), _fitted(bench, chosen[-1:])]
    (first,) = rounds[0].parts
    while _spent(rounds) < ENOUGH:
        rounds.append(_fitted(bench, chosen))
    rounds = rounds[FIRST:] or rounds
    rest = sum(each.rest for each in rounds) / len(rounds)
    return first, rest, line([part for each in rounds for part in each.parts])


def _measurements(bench: Bench) -> tuple[float, Line]:
    """The seconds around the batches of a measurement, and their line."""
    size = bench.run.evaluate.batch_size
    rows = list(cut(by_length(bench.data.val, range(len(bench.data.val))), size))
    chosen = [rows[place] for place in _spread(len(rows), VARIETY)]
    rounds = [_measured(bench, chosen[:1])]
    while _spent(rounds) < ENOUGH:
        rounds.append(_measured(bench, chosen))
    rounds = rounds[FIRST:] or rounds
    batch = line([part for each in rounds for part in each.parts])
    rest = sum(each.rest for each in rounds) / len(rounds) - batch.fixed
    return max(0.0, rest), batch


def _spent(rounds: Sequence[Timed]) -> float:
    return sum(each.rest + sum(part.seconds for part in each.parts) for each in rounds)


def _of_all_lengths(bench: Bench) -> list[Step]:
    """Steps of the first epoch, from half of the shortest to the longest."""
    examples, train = bench.data.train, bench.run.train
    rows, size = [len(example.ids) for example in examples], train.batch_size
    widest = [max(rows[start : start + size]) for start in range(0, len(rows) - size + 1, size)]
    in_turn = sorted(range(len(widest)), key=widest.__getitem__) or [0]
    numbers = [in_turn[place] + 1 for place in _spread(len(in_turn), VARIETY)]
    steps = [
        step
        for number in numbers
        for step in steps_of(
            examples,
            seed=train.seed,
            batch_size=size,
            first=number,
            last=number,
            pad_id=bench.pad_id,
        )
    ]
    return [steps[0].part(0, 2), *steps]


def _spread(count: int, most: int) -> list[int]:
    """Places from the first to the last, evenly.

    >>> _spread(9, 3), _spread(2, 3)
    ([0, 4, 8], [0, 1])
    """
    most = min(count, most)
    return [round(place * (count - 1) / max(1, most - 1)) for place in range(most)]


def _fitted(bench: Bench, steps: Sequence[Step]) -> Timed:
    starts: list[float] = []
    ends: list[float] = []
    telling = Telling(lambda taken: ends.append(time.perf_counter()))
    watch = bench.watch(lambda: starts.append(time.perf_counter()))
    begin = time.perf_counter()
    build_trainer(bench.run.model.weights, telling, watch).fit(bench.tuner, Given(steps))
    whole = time.perf_counter() - begin
    seconds = np.diff([starts[0], *ends]).tolist()
    tokens = [step.seen for step in steps]
    return Timed([Took(*each) for each in zip(tokens, seconds, strict=True)], whole - sum(seconds))


def _measured(bench: Bench, chosen: Sequence[Sequence[int]]) -> Timed:
    """Batches of validation rows, the longest first.

    A batch of the shortest row comes last and is no part, for where it ends is not told.
    """
    starts: list[float] = []
    val, size = bench.data.val, bench.run.evaluate.batch_size
    rows = [val[row] for batch in chosen for row in batch]
    shortest = min(val, key=lambda example: len(example.ids))
    splits = [
        Measured(part, size, bench.pad_id, temperatures=TEMPERATURES) for part in (rows, [shortest])
    ]
    begin = time.perf_counter()
    measured(bench.tuner, splits, bench.watch(lambda: starts.append(time.perf_counter())))
    whole = time.perf_counter() - begin
    seconds = np.diff(starts).tolist()
    tokens = [sum(len(val[row].ids) for row in batch) for batch in chosen]
    return Timed([Took(*each) for each in zip(tokens, seconds, strict=True)], whole - sum(seconds))


class Left(NamedTuple):
    """What writing something to disk took: seconds, bytes."""

    seconds: float
    size: int
    line: int = 0
    """Bytes of a line of the journal."""


def _left(bench: Bench, origin: dict[str, Any], folder: Path, points: int) -> Left:
    """A run's folder as it is left with so many points of its curve."""
    curve = _curve(bench, points)
    state = State(bench.tuner, {bench.run.data.size: curve})
    begin = time.perf_counter()
    board = Board({RUN: bench.run}, folder, lambda: None)
    board.open(origin)
    board.leave(RUN, state, bench.data)
    seconds = time.perf_counter() - begin
    return Left(
        seconds, _bytes(run_folder(folder, RUN)), len(journal.line({"kind": "step"} | STEP))
    )


def _curve(bench: Bench, points: int) -> Curve:
    """Falling losses with some noise: what they are takes no time, how many does."""
    noise = np.random.default_rng(0)
    data = bench.data
    widths = [(data.val, TEMPERED + len(TEMPERATURES)), (data.probe, TEMPERED)]
    others = [data.general, data.canaries.examples]
    widths += [(part, TEMPERED) for part in others if part]
    curve = Curve()
    for point in range(points):
        tables = [
            noise.uniform(1.0, 2.0, (len(rows), width)).astype(np.float32) * 20 / (point + 1)
            for rows, width in widths
        ]
        curve.add(tables, bench.data, {"step": point, "tokens": point})
    return curve


def _kept(bench: Bench, folder: Path) -> Left:
    """A checkpoint."""
    points = bench.run.train.epochs + 1
    state = State(bench.tuner, {bench.run.data.size: _curve(bench, points)})
    begin = time.perf_counter()
    checkpoint.save(folder, state.saved(TRAJECTORY))
    return Left(time.perf_counter() - begin, _bytes(folder))


def _bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
