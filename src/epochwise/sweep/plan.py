"""Configs -> what has to be trained: duplicates merged, runs that share training on trunks."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from epochwise.config import Config, Experiment
from epochwise.data import rows
from epochwise.record import PlannedRun, flat
from epochwise.sweep import axes

TRUNK_DIGITS = 8


class Trunk(NamedTuple):
    """Runs that are trained together: each leaves at its exit, the longest goes to the end."""

    id: str
    runs: dict[str, Experiment]
    """Run id -> experiment, the shortest first."""

    @property
    def label(self) -> str:
        return list(self.runs.values())[-1].label

    @property
    def row_passes_asked(self) -> int:
        return sum(run.train.epochs * run.data.size for run in self.runs.values())

    @property
    def row_passes_trained(self) -> int:
        return max(run.train.epochs * run.data.size for run in self.runs.values())


@dataclass(frozen=True)
class Plan:
    """What a study trains, the largest trunks first so that none is left alone at the end."""

    runs: tuple[PlannedRun, ...]
    """In the order asked."""
    trunks: tuple[Trunk, ...]
    axes: dict[str, list[Any]]
    settings: dict[str, Any]
    not_shared: tuple[str, ...]
    """One sentence for each reason that keeps runs which differ only in train.epochs apart."""

    @property
    def row_passes_asked(self) -> int:
        return sum(trunk.row_passes_asked for trunk in self.trunks)

    @property
    def row_passes_trained(self) -> int:
        return sum(trunk.row_passes_trained for trunk in self.trunks)

    def without(self, done: Iterable[str]) -> "Plan":
        """What is left when the runs with these ids are done."""
        gone = set(done)
        left = (
            Trunk(trunk.id, {key: run for key, run in trunk.runs.items() if key not in gone})
            for trunk in self.trunks
        )
        return replace(self, trunks=_largest_first(trunk for trunk in left if trunk.runs))


def plan(configs: Sequence[Config], overrides: Sequence[dict[str, Any]]) -> Plan:
    """The study of these configs.

    Args:
        overrides: What the command line set, for each config; kept with each run beside its
            values of the axes.
    """
    digests = {config.data.path: rows.digest(config.data) for config in configs}
    asked: dict[str, tuple[Experiment, dict[str, Any]]] = {}
    for config, given in zip(configs, overrides, strict=True):
        run = config.experiment
        asked.setdefault(run.id(digests[run.data.path]), (run, given))
    settings = {key: flat(run.model_dump(mode="json")) for key, (run, _) in asked.items()}
    differing = axes.axes(list(settings.values()))
    trunk_of = {key: _trunk_id(key, run, digests[run.data.path]) for key, (run, _) in asked.items()}
    planned = tuple(
        PlannedRun(key, run.label, given | _along(differing, settings[key]), trunk_of[key])
        for key, (run, given) in asked.items()
    )
    experiments = {key: run for key, (run, _) in asked.items()}
    return Plan(
        runs=planned,
        trunks=_largest_first(_grouped(experiments, trunk_of)),
        axes=differing,
        settings=axes.shared(list(settings.values())),
        not_shared=_not_shared(experiments.values()),
    )


def obstacle(run: Experiment) -> str:
    """Why runs like this one that differ only in train.epochs cannot share training, or nothing."""
    if run.train.schedule != "constant":
        return f"train.schedule={run.train.schedule} depends on the length of the run"
    if run.peft.peft_type == "ADALORA":
        return "AdaLoRA plans its ranks over the length of the run (arxiv.org/abs/2303.10512)"
    return ""


def _trunk_id(run_id: str, run: Experiment, digest: str) -> str:
    return (run_id if obstacle(run) else _but_for_length(run).id(digest))[:TRUNK_DIGITS]


def _but_for_length(run: Experiment) -> Experiment:
    return run.model_copy(update={"train": run.train.model_copy(update={"epochs": 1})})


def _grouped(runs: dict[str, Experiment], trunk_of: dict[str, str]) -> Iterable[Trunk]:
    trunks: dict[str, dict[str, Experiment]] = {}
    for key in sorted(runs, key=lambda key: runs[key].train.epochs):
        trunks.setdefault(trunk_of[key], {})[key] = runs[key]
    return [Trunk(trunk_id, members) for trunk_id, members in trunks.items()]


def _largest_first(trunks: Iterable[Trunk]) -> tuple[Trunk, ...]:
    return tuple(sorted(trunks, key=lambda trunk: trunk.row_passes_trained, reverse=True))


def _along(differing: dict[str, list[Any]], settings: dict[str, Any]) -> dict[str, Any]:
    return {key: settings[key] for key in differing if key in settings}


def _not_shared(runs: Iterable[Experiment]) -> tuple[str, ...]:
    alike: dict[str, list[Experiment]] = {}
    for run in runs:
        alike.setdefault(_but_for_length(run).model_dump_json(), []).append(run)
    count: dict[str, int] = {}
    for group in alike.values():
        if len(group) > 1 and (reason := obstacle(group[0])):
            count[reason] = count.get(reason, 0) + len(group)
    return tuple(
        f"{number} runs differ only in train.epochs from another but are trained each from the "
        f"start: {reason}."
        for reason, number in count.items()
    )
