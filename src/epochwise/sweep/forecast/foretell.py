"""A plan's trunks -> what each will take: rows read, a few steps timed, all the rest counted."""

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import NamedTuple

from epochwise.config import DataConfig, Experiment, ModelConfig, TrainerConfig
from epochwise.sweep.forecast import presence
from epochwise.sweep.forecast.estimate import Estimate, Forecast, Terms, estimate
from epochwise.sweep.forecast.measure import Workers, preload
from epochwise.sweep.forecast.shape import Shape, chosen, shape, told
from epochwise.sweep.forecast.timing import Timing, between
from epochwise.sweep.forecast.workload import Counter, Workload
from epochwise.sweep.plan import Plan, Trunk
from epochwise.train.trajectory import stretch

SPLITS = 3  # values of data.seed whose rows are read; those of others are like them


class Foretold(NamedTuple):
    estimate: Estimate
    forecasts: tuple[Forecast, ...]
    """In the order in which they are best begun: where all times are known, the longest first."""


class Rows(NamedTuple):
    """Which rows a study's runs take."""

    readers: dict[str, Experiment]
    """Under each name of rows to be read, a run that takes all of them."""
    alike: dict[str, str]
    """Names of rows that are not read -> those that stand for them."""
    missing: dict[str, str]
    """Names of rows that are not here, or whose base model is not -> why."""

    def of(self, run: Experiment) -> str:
        name = _name(run.model, run.data)
        return self.alike.get(name, name)


def foretold(
    plan: Plan, config: TrainerConfig, workers: Workers, price_per_hour: float | None = None
) -> Foretold:
    """What the trunks of this plan will take.

    Args:
        workers: Like those of the sweep; what they have not measured yet is measured now.
        price_per_hour: Of all machines that the workers are on.
    """
    rows = _rows(plan)
    lengths = workers.row_lengths(rows.readers)
    counter = Counter(rows.of, lengths.values)
    work = {trunk.id: _workload(trunk, plan, counter) for trunk in plan.trunks}
    known = [trunk for trunk in plan.trunks if rows.of(_first(trunk)) in lengths.values]
    timings, notes = _timings(known, work, workers)
    forecasts = tuple(
        Forecast(
            trunk=trunk.id,
            label=trunk.label,
            model=_first(trunk).model.model_dump_json(),
            runs=len(trunk.runs),
            workload=work[trunk.id],
            timing=_on_devices(timings.get(trunk.id), config.devices),
            checkpoint_seconds=config.checkpoint_seconds,
        )
        for trunk in plan.trunks
    )
    if all(each.timing is not None for each in forecasts):
        forecasts = tuple(sorted(forecasts, key=lambda each: -(each.seconds or 0.0)))
    reasons = [*rows.missing.values(), *lengths.problems.values(), *notes]
    whole = estimate(
        forecasts,
        Terms(len(workers.slots), preload(), price_per_hour),
        known_rows=len(known) == len(plan.trunks),
        notes=[*dict.fromkeys(reasons), *_of_rows(rows), *_of_devices(config)],
    )
    return Foretold(whole, forecasts)


def _first(trunk: Trunk) -> Experiment:
    return next(iter(trunk.runs.values()))


def _workload(trunk: Trunk, plan: Plan, counter: Counter) -> Workload:
    tree = stretch({run: plan.paths[run] for run in trunk.runs})
    return counter.workload(tree, trunk.runs)


def _rows(plan: Plan) -> Rows:
    rows = Rows({}, {}, {})
    why_unknown = cache(presence.why_unknown)
    splits: dict[str, list[str]] = {}
    for run in _largest(plan):
        name = _name(run.model, run.data)
        if missing := why_unknown(run.model.path, *run.data.places):
            rows.missing[name] = missing
            continue
        whatever_seed = _name(run.model, run.data.model_copy(update={"seed": 0, "size": 1}))
        read = splits.setdefault(whatever_seed, [])
        if len(read) < SPLITS:
            read.append(name)
            rows.readers[name] = run
        else:
            rows.alike[name] = read[0]
    return rows


def _largest(plan: Plan) -> Iterator[Experiment]:
    """For each set of rows the run that takes the most of them, the largest first."""
    found: dict[str, Experiment] = {}
    for trunk in plan.trunks:
        for run in trunk.runs.values():
            name = _name(run.model, run.data)
            if name not in found or run.data.size > found[name].data.size:
                found[name] = run
    return iter(sorted(found.values(), key=lambda run: -run.data.size))


def _name(model: ModelConfig, data: DataConfig) -> str:
    """Equal for the same rows as the same tokenizer sees them, at every size."""
    seen = model.model_dump(mode="json", include={"path", "template", "thinking"})
    settings = data.model_dump(mode="json", exclude={"name", "size"})
    return json.dumps([seen, settings], sort_keys=True)


def _timings(
    trunks: Sequence[Trunk], work: Mapping[str, Workload], workers: Workers
) -> tuple[dict[str, Timing], list[str]]:
    """The timing of each trunk, and what is to be said of them."""
    of = {trunk.id: shape(_first(trunk)) for trunk in trunks}
    amounts: dict[Shape, float] = {}
    for trunk in trunks:
        amounts[of[trunk.id]] = amounts.get(of[trunk.id], 0.0) + work[trunk.id].tokens
    wanted = {str(each): each for each in chosen(amounts)}
    found = workers.timings({name: _typical(each, trunks, work) for name, each in wanted.items()})
    measured = {wanted[name]: timing for name, timing in found.values.items()}
    models = {of[trunk.id].kind.model: _first(trunk).model for trunk in trunks}
    timings = {each: _told(each, measured, models) for each in amounts if measured}
    notes = [*dict.fromkeys(found.problems.values()), *_of_shapes(amounts, measured)]
    return {trunk.id: timings[of[trunk.id]] for trunk in trunks if measured}, notes


def _typical(
    wanted: Shape, trunks: Sequence[Trunk], work: Mapping[str, Workload]
) -> tuple[Experiment, int]:
    """A run of the shape with the study's longest step, and its tokens."""
    alike = [trunk for trunk in trunks if shape(_first(trunk)) == wanted]
    trunk = max(alike, key=lambda trunk: work[trunk.id].largest)
    run = max(trunk.runs.values(), key=lambda run: (run.data.size, run.train.epochs))
    return run, work[trunk.id].largest


def _told(
    wanted: Shape, measured: Mapping[Shape, Timing], models: Mapping[str, ModelConfig]
) -> Timing:
    """As measured, or from what was measured nearest."""
    low, high, share = told(wanted, measured)
    timing = between(measured[low], measured[high], share)
    if low == high and low.rank:
        timing = timing.of_rank(wanted.rank / low.rank)
    if low.kind.model == wanted.kind.model:
        return timing
    sizes = [presence.size(models[model]) for model in (wanted.kind.model, low.kind.model)]
    return timing.scaled(sizes[0] / sizes[1])


def _on_devices(timing: Timing | None, devices: int) -> Timing | None:
    """Each device takes its part of a step's rows, and of a measurement's batches."""
    if timing is None or devices == 1:
        return timing
    return timing._replace(
        step_token=timing.step_token / devices,
        batch=timing.batch / devices,
        batch_token=timing.batch_token / devices,
    )


def _of_shapes(amounts: Mapping[Shape, float], measured: Mapping[Shape, Timing]) -> list[str]:
    if not measured or len(measured) == len(amounts):
        return []
    return [
        f"{len(measured)} of {len(amounts)} combinations of model, method, rank and batch size are "
        "timed; the others are told from the nearest of them"
    ]


def _of_rows(rows: Rows) -> list[str]:
    if not rows.alike:
        return []
    return [
        f"rows are read for {SPLITS} values of data.seed; those of {len(rows.alike)} more are taken"
        " to be as long"
    ]


def _of_devices(config: TrainerConfig) -> list[str]:
    if config.devices == 1:
        return []
    return [
        f"trainer.devices={config.devices}: steps are timed on one device, and taken to be that "
        "many times as fast on all"
    ]
