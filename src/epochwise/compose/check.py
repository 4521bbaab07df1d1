"""A command line's configs, or everything that is wrong with it at once."""

from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

from hydra.core.config_loader import ConfigLoader
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from pydantic import ValidationError

from epochwise.compose.clashes import clashes
from epochwise.compose.grid import Cell, Job, compose, composed, dotted_keys, grid
from epochwise.compose.machine import data_problems, model_problem
from epochwise.compose.nearest import hint, nearest
from epochwise.compose.overrides import Setting, parse, sift
from epochwise.compose.places import config_loader, studies
from epochwise.compose.study import StudyFile, axes, read_study, shown
from epochwise.compose.words import problems_of
from epochwise.config import Config

CONFIG = "config"  # the primary config where no study is named


class Plan(NamedTuple):
    """What a command line asks for."""

    configs: list[Config]
    overrides: list[Job]
    """For each config its values of the keys that differ between runs."""
    skipped: list[str]
    problems: list[str]
    """Mistakes, one line each. Without any, the rest is complete."""


def check(arguments: Sequence[str], config_name: str = CONFIG, *, sweep: bool = False) -> list[str]:
    """Every mistake in the settings, one line each; none when the command can run."""
    return plan(arguments, config_name, sweep=sweep).problems


def plan(arguments: Sequence[str], config_name: str = CONFIG, *, sweep: bool = False) -> Plan:
    """Composes and checks all runs of a command line.

    Args:
        arguments: key=value, as typed.
        config_name: A study of experiments/, or `config`.
        sweep: Whether a key may have several values, and the study file's axes count.
    """
    file = studies().get(config_name)
    if file is None and config_name != CONFIG:
        known = sorted(studies())
        meant = hint(nearest(config_name, known))
        return Plan(
            [], [], [], [f"{config_name}: no such study{meant} (there are {', '.join(known)})"]
        )
    with config_loader(file.parent if file else None) as loader:
        own = read_study(file, loader) if file else StudyFile({}, [])
        given = sift(arguments, loader, sweep=sweep)
        if own.problems:
            return Plan([], [], [], own.problems + given.problems)
        try:
            found = _planned(loader, config_name, given.settings, file if sweep else None)
        except (HydraException, OmegaConfBaseException) as error:
            found = Plan([], [], [], [_composition_problem(error, file)])
    problems = [_placed(line, given.settings, own, file) for line in found.problems]
    return found._replace(problems=given.problems + problems)


def single(arguments: Sequence[str]) -> Plan:
    """The config of one run; nothing is asked of its rows, which are to be looked at."""
    with config_loader(None) as loader:
        given = sift(arguments, loader, sweep=False)
        if given.problems:
            return Plan([], [], [], given.problems)
        try:
            (cell,) = compose(loader, CONFIG, grid(given.settings))
        except (HydraException, OmegaConfBaseException) as error:
            return Plan([], [], [], [_composition_problem(error, None)])
    config, problems = _validated(cell)
    missing = model_problem(config.model) if config else None
    problems = problems + ([missing] if missing else [])
    return Plan([config] if config else [], [cell.job], [], _once(problems))


def checked(loader: ConfigLoader, config_name: str, jobs: Sequence[Sequence[str]]) -> Plan:
    """The same for jobs that a sweeper has already spelled out.

    Raises:
        ValueError: Something is wrong after all; the command line was checked before.
    """
    parsed = [[parse(argument) for argument in job] for job in jobs]
    found = _checked(
        loader,
        config_name,
        [{override.key_or_group: override.value() for override in job} for job in parsed],
    )
    if found.problems:
        raise ValueError("\n".join(found.problems))
    return found


def _planned(
    loader: ConfigLoader, config_name: str, settings: Sequence[Setting], file: Path | None
) -> Plan:
    """Runs of the study's axes and the command line's; a key in both takes the command line's."""
    problems: list[str] = []
    if file:
        params = composed(loader, config_name, []).hydra.sweeper.params
        own = sift(axes(OmegaConf.to_container(params)), loader, sweep=True)
        problems = [f"{shown(file)}: hydra.sweeper.params: {line}" for line in own.problems]
        settings = [*own.settings, *settings]
    found = _checked(loader, config_name, grid(settings))
    return found._replace(problems=problems + found.problems)


def _checked(loader: ConfigLoader, config_name: str, jobs: Sequence[Job]) -> Plan:
    configs: list[Config] = []
    used: list[Job] = []
    skipped: list[str] = []
    problems: list[str] = []
    missing_model = cache(model_problem)  # the file system is asked once for each model
    for cell in compose(loader, config_name, jobs):
        config, wrong = _validated(cell)
        problems += wrong
        if config is None:
            continue
        missing = missing_model(config.model)
        if missing and config.skip_missing_models:
            skipped.append(missing)
            continue
        problems += [missing] if missing else []
        problems += clashes(config)
        configs.append(config)
        used.append(cell.job)
    problems += data_problems(configs)
    if skipped and not configs and not problems:
        problems.append("skip_missing_models=true: leaves no run; none of the models is here")
    return Plan(configs, _differing(used), _once(skipped), _once(problems))


def _validated(cell: Cell) -> tuple[Config | None, list[str]]:
    if cell.settings is None:
        return None, cell.problems
    try:
        return Config.model_validate(cell.settings), cell.problems
    except ValidationError as error:
        return None, cell.problems + problems_of(error, cell.settings)


def _differing(jobs: Sequence[Job]) -> list[Job]:
    """Each job without the keys that are the same in all.

    >>> _differing([{"a": 1, "b": 3}, {"a": 2, "b": 3}])
    [{'a': 1}, {'a': 2}]
    """
    axes = [key for key in (jobs[0] if jobs else {}) if len({repr(job[key]) for job in jobs}) > 1]
    return [{key: job[key] for key in axes} for job in jobs]


def _once(lines: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(lines))


def _placed(line: str, given: Sequence[Setting], own: StudyFile, file: Path | None) -> str:
    """The line with the study file in front, where the key is set there and not in the command."""
    key = line.partition(":")[0].partition("=")[0]
    set_there = dotted_keys(own.content) | own.axes.keys()
    if file is None or key not in set_there or key in [setting.key for setting in given]:
        return line
    return f"{shown(file)}: {line}"


def _composition_problem(error: Exception, file: Path | None) -> str:
    place = f"{shown(file)}: " if file else ""
    return f"{place}cannot be composed: {' '.join(str(error).split())}"
