"""experiments/NAME.yaml: what it sweeps, and what is wrong with it."""

from pathlib import Path
from typing import Any, NamedTuple

import yaml
from hydra.core.config_loader import ConfigLoader
from omegaconf import OmegaConf

from epochwise.compose.launcher import LAUNCHER
from epochwise.compose.nearest import hint, nearest
from epochwise.compose.overrides import GROUPS, choice_problem, names_a_call
from epochwise.compose.places import studies


class StudyFile(NamedTuple):
    content: dict[str, Any]
    problems: list[str]

    @property
    def axes(self) -> dict[str, Any]:
        """hydra.sweeper.params."""
        sweeper = self.content.get("hydra", {}).get("sweeper", {})
        return dict(sweeper.get("params", {}))


def read_study(file: Path, loader: ConfigLoader) -> StudyFile:
    """What the file says, and a line for each thing that no later step could tell as well."""
    place = shown(file)
    try:
        content = OmegaConf.to_container(OmegaConf.load(file))
    except yaml.YAMLError as error:
        return StudyFile({}, [f"{place}: is not YAML: {' '.join(str(error).split())}"])
    if not isinstance(content, dict) or not content:
        return StudyFile({}, [f"{place}: is empty; begin it with `defaults: [config, _self_]`"])
    settings: dict[str, Any] = {str(key): value for key, value in content.items()}
    problems = _defaults_problems(content.get("defaults", []), loader)
    problems += _hydra_problems(content.get("hydra", {}))
    if names_a_call(content):
        problems.append("_target_: config is data, nothing it names is ever called; remove it")
    return StudyFile(settings, [f"{place}: {problem}" for problem in problems])


def axes(params: Any) -> list[str]:
    """hydra.sweeper.params as arguments; a YAML list is an axis just as `1,2,4` is.

    >>> axes({"train.epochs": "1,2", "peft.r": [2, 8], "data.size": 32})
    ['train.epochs=1,2', 'peft.r=2,8', 'data.size=32']
    """
    return [
        f"{key}={','.join(map(str, value)) if isinstance(value, list) else value}"
        for key, value in params.items()
    ]


def names_itself(name: str) -> bool:
    content = OmegaConf.load(studies()[name])
    return OmegaConf.select(content, "study") is not None


def shown(file: Path) -> str:
    """The path as a person in this folder would write it."""
    return str(file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file)


def _defaults_problems(defaults: Any, loader: ConfigLoader) -> list[str]:
    if not isinstance(defaults, list):
        return ["defaults: must be a list that begins with config"]
    problems = [problem for entry in defaults if (problem := _entry_problem(entry, loader))]
    if not any(entry == "config" or entry in studies() for entry in defaults if type(entry) is str):
        problems.append("defaults: must begin with config, which holds the settings to start from")
    return problems


def _entry_problem(entry: Any, loader: ConfigLoader) -> str | None:
    if isinstance(entry, str):
        known = ["config", "_self_", *studies()]
        unknown = f"defaults: {entry}: no such study{hint(nearest(entry, known))}"
        return None if entry in known else unknown
    if not isinstance(entry, dict) or len(entry) != 1:
        return f"defaults: {entry}: write `override GROUP: NAME`"
    [(key, name)] = entry.items()
    word, _, group = str(key).rpartition(" ")
    group = group.removeprefix("/")
    if word != "override":
        return f"defaults: {key}: {name}: write `override {group}: {name}`"
    if group not in GROUPS:
        return f"defaults: {key}: no such group{hint(nearest(group, GROUPS))}"
    return choice_problem(group, name, loader)


def _hydra_problems(section: Any) -> list[str]:
    """Anything else in this section could change where files go, or have Hydra run code."""
    leaves = [
        f"{name}.{key}"
        for name, part in (section.items() if isinstance(section, dict) else [])
        for key in (part if isinstance(part, dict) else [""])
    ]
    allowed = ["sweeper.params", *(key.removeprefix("hydra.") for key in LAUNCHER)]
    return [
        f"hydra.{leaf.rstrip('.')}: a study sets only hydra.{', hydra.'.join(allowed)}"
        for leaf in leaves
        if leaf not in allowed
    ]
