"""A changed copy of an experiment, by dotted keys, checked like any other."""

from typing import Any

from epochwise.config import Experiment


def changed(experiment: Experiment, changes: dict[str, Any]) -> Experiment:
    settings = experiment.model_dump()
    for dotted, value in changes.items():
        group, _, key = dotted.partition(".")
        settings[group] = settings[group] | {key: value} if key else value
    return Experiment.model_validate(settings)
