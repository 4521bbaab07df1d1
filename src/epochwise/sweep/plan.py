"""Configs -> what has to be trained: duplicates merged, runs that share training on trunks."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from epochwise.config import Config, Experiment
from epochwise.data import rows
from epochwise.data.order import rows_until
from epochwise.record import PlannedRun, flat
from epochwise.sweep import axes
from epochwise.train.trajectory import Path, Paths, Stretch, looks_ahead, stretch

TRUNK_DIGITS = 8

Runs = dict[str, Experiment]  # run id -> experiment


class Trunk(NamedTuple):
    """Runs that one worker trains as far as they go together, and then each to its end."""

    id: str
    runs: Runs
    """The shortest first."""
    steps: int
    """Optimizer steps to take for all of them."""
    row_passes: int
    """Rows that go through these steps."""

    @property
    def label(self) -> str:
        return list(self.runs.values())[-1].label


@dataclass(frozen=True)
class Plan:
    """What a study trains, the largest trunks first so that none is left alone at the end."""

    runs: tuple[PlannedRun, ...]
    """In the order asked."""
    trunks: tuple[Trunk, ...]
    axes: dict[str, list[Any]]
    settings: dict[str, Any]
    experiments: Runs
    paths: Mapping[str, Path]
    duplicates: int
    """Runs asked for that are another one by their numbers."""

    @property
    def row_passes_asked(self) -> int:
        return _row_passes(self.experiments[run] for trunk in self.trunks for run in trunk.runs)

    @property
    def row_passes_trained(self) -> int:
        return sum(trunk.row_passes for trunk in self.trunks)

    @property
    def not_shared(self) -> tuple[str, ...]:
        """One sentence for each reason that keeps runs which differ only in train.epochs apart."""
        left = {run: self.experiments[run] for trunk in self.trunks for run in trunk.runs}
        return _not_shared(left)

    def without(self, done: Iterable[str], slots: int = 1) -> "Plan":
        """What is left when the runs with these ids are done."""
        gone = set(done)
        left = {run: path for run, path in self.paths.items() if run not in gone}
        return replace(self, trunks=_trunks(self.experiments, left, slots))


def plan(configs: Sequence[Config], overrides: Sequence[dict[str, Any]], *, slots: int = 1) -> Plan:
    """The study of these configs.

    Args:
        overrides: What the command line set, for each config; kept with each run beside its
            values of the axes.
        slots: Trunks that can be trained at a time: where there would be fewer, one is cut.
    """
    digests = {config.data.places: rows.digest(config.data) for config in configs}
    asked: dict[str, tuple[Experiment, dict[str, Any]]] = {}
    for config, given in zip(configs, overrides, strict=True):
        run = config.experiment
        asked.setdefault(run.id(digests[run.data.places]), (run, given))
    settings = {key: flat(run.model_dump(mode="json")) for key, (run, _) in asked.items()}
    differing = axes.axes(list(settings.values()))
    experiments = {key: run for key, (run, _) in asked.items()}
    all_paths = Paths()
    paths = {key: all_paths.of(run, digests[run.data.places]) for key, run in experiments.items()}
    trunks = _trunks(experiments, paths, slots)
    trunk_of = {run: trunk.id for trunk in trunks for run in trunk.runs}
    planned = tuple(
        PlannedRun(
            key,
            axes.named(run.label, settings[key], differing),
            given | _along(differing, settings[key]),
            trunk_of[key],
        )
        for key, (run, given) in asked.items()
    )
    return Plan(
        runs=planned,
        trunks=trunks,
        axes=differing,
        settings=axes.shared(list(settings.values())),
        experiments=experiments,
        paths=paths,
        duplicates=len(configs) - len(asked),
    )


def _trunks(experiments: Runs, paths: Mapping[str, Path], slots: int) -> tuple[Trunk, ...]:
    """Trees of all runs whose first step is one, the largest first."""
    groups: dict[bytes, dict[str, Path]] = {}
    for run in sorted(paths, key=lambda run: experiments[run].train.epochs):
        groups.setdefault(paths[run].states[1], {})[run] = paths[run]
    trees = [(state, stretch(group)) for state, group in groups.items()]
    trees = _cut(trees, slots)
    trunks = [_trunk(state, tree, experiments) for state, tree in trees]
    return tuple(sorted(trunks, key=lambda trunk: trunk.row_passes, reverse=True))


Tree = tuple[bytes, Stretch]  # a state that only its runs go through, and their steps


def _cut(trees: list[Tree], slots: int) -> list[Tree]:
    """The trees, cut where they branch until every slot has one.

    Each part repeats the steps before the cut: only where these are fewer than what follows in
    every part is that less than what an idle slot wastes.
    """
    while len(trees) < slots:
        worth = [tree for tree in trees if _is_worth_cutting(tree[1])]
        if not worth:
            break
        largest = max(worth, key=lambda tree: tree[1].steps)
        trees.remove(largest)
        trees += _parts(largest[1])
    return trees


def _is_worth_cutting(tree: Stretch) -> bool:
    shared = tree.last - tree.first + 1
    return bool(tree.branches) and all(branch.steps > shared for branch in tree.branches)


def _parts(tree: Stretch) -> list[Tree]:
    """One tree for each branch; runs that end before the cut go with the largest."""
    parts = [dict(branch.runs) for branch in tree.branches]
    parted = {run for part in parts for run in part}
    state = [next(iter(part.values())).states[tree.last + 1] for part in parts]
    largest = max(range(len(parts)), key=lambda number: tree.branches[number].steps)
    parts[largest] |= {run: path for run, path in tree.runs.items() if run not in parted}
    return [(state, stretch(part)) for state, part in zip(state, parts, strict=True)]


def _trunk(state: bytes, tree: Stretch, experiments: Runs) -> Trunk:
    runs = {run: experiments[run] for run in tree.runs}
    passes = 0
    for part in tree.flattened():
        leader = experiments[part.leader]
        at = (
            rows_until(step, leader.data.size, leader.train.batch_size)
            for step in (part.first - 1, part.last)
        )
        passes += -next(at) + next(at)
    return Trunk(state.hex()[:TRUNK_DIGITS], runs, tree.steps, passes)


def _row_passes(runs: Iterable[Experiment]) -> int:
    return sum(run.train.epochs * run.data.size for run in runs)


def _along(differing: dict[str, list[Any]], settings: dict[str, Any]) -> dict[str, Any]:
    return {key: settings[key] for key in differing if key in settings}


def _not_shared(runs: Runs) -> tuple[str, ...]:
    alike: dict[str, list[Experiment]] = {}
    for run in runs.values():
        if looks_ahead(run):
            shortest = run.train.model_copy(update={"epochs": 1})
            key = run.model_copy(update={"train": shortest}).model_dump_json()
            alike.setdefault(key, []).append(run)
    groups: dict[str, list[list[Experiment]]] = {}
    for group in alike.values():
        if len(group) > 1:
            groups.setdefault(looks_ahead(group[0]), []).append(group)
    return tuple(_sentence(reason, found) for reason, found in groups.items())


def _sentence(reason: str, groups: Sequence[Sequence[Experiment]]) -> str:
    """Why these runs are not shared, and what another schedule would save."""
    count = sum(map(len, groups))
    told = (
        f"{count} runs differ only in train.epochs from another but are trained each from the "
        f"start: {reason}"
    )
    if "train.schedule" not in reason:
        return f"{told}."
    now = sum(_row_passes(group) for group in groups)
    then = sum(_as_wsd(group) for group in groups)
    return (
        f"{told}. With train.schedule=wsd they would take {then:,} row passes in place of {now:,}."
    )


def _as_wsd(group: Sequence[Experiment]) -> int:
    """Row passes of these runs if they cooled down at their ends instead."""
    cooled = {
        str(number): run.model_copy(
            update={"train": run.train.model_copy(update={"schedule": "wsd"})}
        )
        for number, run in enumerate(group)
    }
    paths = Paths()
    tree = stretch({key: paths.of(run, "") for key, run in cooled.items()})
    return _trunk(b"", tree, cooled).row_passes
