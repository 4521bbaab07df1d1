"""What differs between the runs of a study, and what they share."""

from collections.abc import Iterable, Sequence
from typing import Any

from epochwise.diagnose.cells import OWNERS
from epochwise.record import PlannedRun, Study

Settings = dict[str, Any]  # dotted config key -> value
TOLD = (  # by a run's own label, whatever differs
    *("model.name", "model.weights", "peft.name", "peft.peft_type", "peft.r", "peft.target_r"),
    *("data.size", "train.epochs", "train.learning_rate", "train.schedule", "train.seed"),
)


def axes(runs: Sequence[Settings]) -> dict[str, list[Any]]:
    """The keys that differ between runs, and their values in the order met.

    A key that only follows from its group's name is left out: `model.path` under `model.name`.

    >>> axes([{"train.epochs": 1, "peft.r": 8}, {"train.epochs": 4, "peft.r": 8}])
    {'train.epochs': [1, 4]}
    """
    keys = list(dict.fromkeys(key for run in runs for key in run))
    values = {key: _distinct(run[key] for run in runs if key in run) for key in keys}
    differing = {
        key: values[key] for key in keys if len(values[key]) > 1 or any(key not in r for r in runs)
    }
    return {key: differing[key] for key in differing if not _follows(key, differing, runs)}


def shared(runs: Sequence[Settings]) -> Settings:
    """The settings that all runs have alike."""
    first = runs[0]
    return {
        key: value
        for key, value in first.items()
        if all(key in run and run[key] == value for run in runs)
    }


def named(label: str, values: Settings, differing: Settings) -> str:
    """The label, and behind it the values of axes that it does not tell.

    >>> named("world_1m n8", {"data.sources.mine.weight": 2.0}, {"data.sources.mine.weight": []})
    'world_1m n8 mine.weight=2'
    """
    keys = (key for key in differing if key in values and key not in TOLD)
    return " ".join([label, *(f"{_short(key)}={_short_value(values[key])}" for key in keys)])


def extended(there: Study, now: Study) -> Study:
    """The study with the runs of both. Its command is the one that was given now.

    Raises:
        ValueError: A setting differs that is no axis of either, or the same settings stand for
            other rows: runs that cannot be compared would share a report.
    """
    union = {
        key: _distinct([*_values(there, key), *_values(now, key)])
        for key in [*there.axes, *(key for key in now.axes if key not in there.axes)]
    }
    problems = _other_settings(there, now, union) or _other_rows(there, now, union)
    if problems:
        raise ValueError("\n".join(problems))
    kept = [_completed(run, there, union) for run in there.runs]
    known = {run.id for run in there.runs}
    added = [_completed(run, now, union) for run in now.runs if run.id not in known]
    alike = {k: v for k, v in there.settings.items() if k not in union and k in now.settings}
    return Study(
        **vars(now) | {"axes": union, "settings": alike, "runs": (*kept, *added)},
    )


def _other_settings(there: Study, now: Study, union: Settings) -> list[str]:
    return [
        f"{key}: there {value}, now {now.settings[key]}"
        for key, value in there.settings.items()
        if key not in union and key in now.settings and now.settings[key] != value
    ]


def _other_rows(there: Study, now: Study, union: Settings) -> list[str]:
    kept = [_completed(run, there, union) for run in there.runs]
    new = [_completed(run, now, union) for run in now.runs]
    return [
        f"{run.label}: there run {old.id}, now {run.id}: the same settings, but the rows of "
        "data.path or what data.name, model.name or peft.name stand for have changed"
        for run in new
        for old in kept
        if run.id != old.id and all(run.overrides.get(k) == old.overrides.get(k) for k in union)
    ]


def _completed(run: PlannedRun, study: Study, union: Settings) -> PlannedRun:
    """The run, with its value on axes that its own study did not have."""
    missing = {key: study.settings[key] for key in union if key in study.settings}
    values = missing | run.overrides
    own = run.label.removesuffix(named("", run.overrides, study.axes))
    return PlannedRun(run.id, named(own, values, union), values, run.trunk)


def _short(key: str) -> str:
    for prefix in ("data.sources.", "train.", "peft."):
        key = key.removeprefix(prefix)
    return key.removesuffix(".name")


def _short_value(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _values(study: Study, key: str) -> list[Any]:
    alone = [study.settings[key]] if key in study.settings else []
    return study.axes.get(key, alone)


def _follows(key: str, differing: Settings, runs: Sequence[Settings]) -> bool:
    name = OWNERS.get(key, f"{key.partition('.')[0]}.name")
    if name not in differing or key == name:
        return False
    return all(
        len(_distinct(run.get(key) for run in runs if run.get(name) == value)) == 1
        for value in differing[name]
    )


def _distinct(values: Iterable[Any]) -> list[Any]:
    """Without repeats, in the order met; values may be lists, which no set takes."""
    found: list[Any] = []
    for value in values:
        if value not in found:
            found.append(value)
    return found
