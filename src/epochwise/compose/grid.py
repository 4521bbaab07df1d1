"""Every combination of the swept values, composed.

Hydra takes about 0.05 s to compose one run. It is asked once for each choice of files; plain
values are then set just as Hydra itself sets them, which takes about a ten-thousandth of a second.
"""

from collections.abc import Iterator, Sequence
from copy import deepcopy
from itertools import product
from typing import Any, NamedTuple

from hydra.core.config_loader import ConfigLoader
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from epochwise.compose.assign import MISSING, assign
from epochwise.compose.nearest import hint, nearest_key
from epochwise.compose.overrides import GROUPS, Setting

Job = dict[str, Any]  # key -> value, in the order given
Settings = dict[str, Any]  # of one run, as conf/ nests them


class Cell(NamedTuple):
    """One run as composed: not yet checked."""

    job: Job
    settings: Settings | None
    """None where it cannot be composed."""
    problems: list[str]


def grid(settings: Sequence[Setting]) -> list[Job]:
    """The product of all values; the last axis changes fastest, as in Hydra.

    >>> grid([Setting("a", ["1", "2"]), Setting("b", ["3"])])
    [{'a': 1, 'b': 3}, {'a': 2, 'b': 3}]
    """
    values = {setting.key: setting.values for setting in settings}
    return [dict(zip(values, cell, strict=True)) for cell in product(*values.values())]


def spelled(settings: Sequence[Setting]) -> list[list[str]]:
    """The same, as the arguments of one run each.

    >>> spelled([Setting("a", ["1", "2"]), Setting("b", ["3"])])
    [['a=1', 'b=3'], ['a=2', 'b=3']]
    """
    arguments = {setting.key: setting.arguments for setting in settings}
    return [list(cell) for cell in product(*arguments.values())]


def compose(loader: ConfigLoader, config_name: str, jobs: Sequence[Job]) -> Iterator[Cell]:
    """A cell for each job; keys that do not exist are told, and left out."""
    bases: dict[tuple[str, ...], Settings] = {}
    for job in jobs:
        chosen = tuple(f"{key}={job[key]}" for key in job if key in GROUPS)
        if chosen not in bases:
            bases[chosen] = _base(composed(loader, config_name, chosen))
        yield _cell(bases[chosen], job, chosen)


def composed(loader: ConfigLoader, config_name: str, chosen: Sequence[str]) -> DictConfig:
    return loader.load_configuration(config_name, list(chosen), run_mode=RunMode.RUN)


def _base(config: DictConfig) -> Settings:
    """Without Hydra's own part; interpolations stay, for what is set may change their values."""
    settings = OmegaConf.to_container(config)
    assert isinstance(settings, dict)
    return {str(key): value for key, value in settings.items() if key != "hydra"}


def _cell(base: Settings, job: Job, chosen: Sequence[str]) -> Cell:
    settings = deepcopy(base)
    problems: list[str] = []
    for key in (key for key in job if key not in GROUPS):  # in the order given, as Hydra does
        try:
            assign(settings, key, job[key])
        except KeyError as error:
            problems.append(_unknown(error.args[0], dotted_keys(settings), chosen))
        except ValueError as error:
            problems.append(str(error))
    leaves = list(_leaves(settings, ""))
    missing = sorted(key for key, value in leaves if value == MISSING)
    if any(isinstance(value, str) and "${" in value for _, value in leaves):
        try:
            settings = _resolved(settings)
        except OmegaConfBaseException as error:
            line = f"{error.full_key}: cannot be resolved: {str(error).splitlines()[0]}"
            return Cell(job, None, [*problems, line])
    problems += [f"{key}: must be given: {key}=..." for key in missing]
    return Cell(job, settings, problems)


def _resolved(settings: Settings) -> Settings:
    """With the values that interpolations stand for, which takes OmegaConf two milliseconds."""
    values = OmegaConf.to_container(OmegaConf.create(settings), resolve=True)
    assert isinstance(values, dict)
    return {str(key): value for key, value in values.items()}


def _leaves(value: Any, key: str) -> Iterator[tuple[str, Any]]:
    """The plain values with their keys, in OmegaConf's way of writing: `track.tags[0]`."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _leaves(item, f"{key}.{name}" if key else str(name))
    elif isinstance(value, list):
        for place, item in enumerate(value):
            yield from _leaves(item, f"{key}[{place}]")
    else:
        yield key, value


def dotted_keys(settings: Any, prefix: str = "") -> set[str]:
    """Every key, with its groups in front.

    >>> sorted(dotted_keys({"a": {"b": 1}, "c": 2}))
    ['a', 'a.b', 'c']
    """
    keys: set[str] = set()
    for key, value in settings.items() if isinstance(settings, dict) else ():
        keys |= {f"{prefix}{key}"} | dotted_keys(value, f"{prefix}{key}.")
    return keys


def _unknown(key: str, keys: set[str], chosen: Sequence[str]) -> str:
    group = key.partition(".")[0]
    choice = next((text for text in chosen if text.startswith(f"{group}=")), None)
    where = f" with {choice}" if choice else ""
    meant = nearest_key(key, keys)
    own = sorted(k.partition(".")[2] for k in keys if k.startswith(f"{group}."))
    have = f" (keys of {group}: {', '.join(own)})" if own and not meant else ""
    return f"{key}: no such key{where}{hint(meant)}{have}"
