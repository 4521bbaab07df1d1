"""key=value arguments: what they say, and what is wrong with each by itself."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from hydra.core.config_loader import ConfigLoader
from hydra.core.object_type import ObjectType
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, OverrideType
from hydra.errors import HydraException

from epochwise.compose import launcher
from epochwise.compose.nearest import hint, nearest, nearest_key
from epochwise.config import Experiment

GROUPS = (*Experiment.model_fields, "trainer", "track")
SIGNS = {OverrideType.ADD: "+", OverrideType.FORCE_ADD: "++", OverrideType.DEL: "~"}
CALLS = ("_target_", "_partial_", "_args_", "_convert_", "_recursive_", "()")


class Setting(NamedTuple):
    """One key and the values asked for; several values make it an axis of the sweep."""

    key: str
    texts: list[str]

    @property
    def values(self) -> list[Any]:
        return [parse(argument).value() for argument in self.arguments]

    @property
    def arguments(self) -> list[str]:
        return [f"{self.key}={text}" for text in self.texts]


class Sifted(NamedTuple):
    settings: list[Setting]
    problems: list[str]


def sift(arguments: Sequence[str], loader: ConfigLoader, *, sweep: bool) -> Sifted:
    """The settings that are right by themselves, and a line for each argument that is not."""
    settings, problems = [], []
    for argument in arguments:
        problem = _problem(argument, loader, sweep)
        if problem:
            problems.append(problem)
            continue
        if not parse(argument).is_hydra_override():
            settings.append(setting(argument, loader))
    twice = [key for key, count in Counter(s.key for s in settings).items() if count > 1]
    problems += [f"{key}: given {_times(settings, key)}; keep one" for key in twice]
    return Sifted(settings, problems + _misplaced(arguments))


@lru_cache(maxsize=4096)
def parse(argument: str) -> Override:
    return OverridesParser.create().parse_override(argument)


def setting(argument: str, loader: ConfigLoader) -> Setting:
    override = parse(argument)
    if not override.is_sweep_override():
        return Setting(override.key_or_group, [override.get_value_element_as_str()])
    override.config_loader = loader  # glob() asks it for the choices
    return Setting(override.key_or_group, list(override.sweep_string_iterator()))


def axis_keys(arguments: Sequence[str]) -> list[str]:
    """The keys that are given several values; arguments that cannot be read have none."""
    overrides = [override for argument in arguments if (override := readable(argument))]
    return [override.key_or_group for override in overrides if override.is_sweep_override()]


def readable(argument: str) -> Override | None:
    try:
        return parse(argument)
    except HydraException:
        return None


def names_a_call(value: Any) -> bool:
    """Whether a key anywhere in `value` would make Hydra call something.

    >>> names_a_call({"a": [{"_target_": "os.system"}]}), names_a_call({"a": 1})
    (True, False)
    """
    if isinstance(value, dict):
        return any(key in CALLS or names_a_call(item) for key, item in value.items())
    return isinstance(value, list) and any(names_a_call(item) for item in value)


def choices(group: str, loader: ConfigLoader) -> list[str]:
    return loader.get_group_options(group, results_filter=ObjectType.CONFIG)


def choice_problem(group: str, name: Any, loader: ConfigLoader) -> str | None:
    names = choices(group, loader)
    if name in names:
        return None
    if not isinstance(name, str):
        return f"{group}: choose a file of conf/{group}, or set a key in it: {group}.KEY=value"
    return (
        f"{group}={name}: there is no conf/{group}/{name}.yaml"
        f"{hint(nearest(name, names))} (choices: {', '.join(names)})"
    )


def _misplaced(arguments: Sequence[str]) -> list[str]:
    """A line for each key that belongs to another launcher than the one chosen."""
    overrides = [override for argument in arguments if (override := readable(argument))]
    values = {each.key_or_group: each.value() for each in overrides if each.is_hydra_override()}
    chosen = str(values.get(launcher.GROUP, "epochwise"))
    return launcher.misplaced(values, chosen) if chosen in launcher.KEYS else []


def _times(settings: Iterable[Setting], key: str) -> str:
    given = [",".join(s.texts) for s in settings if s.key == key]
    return f"{len(given)} times: {' and '.join(given)}"


def _problem(argument: str, loader: ConfigLoader, sweep: bool) -> str | None:
    if any(call in argument for call in CALLS[:-1]):
        return (
            f"{argument}: config is data, nothing it names is ever called; remove it and choose"
            " by name (model=..., peft=...)"
        )
    if "=" not in argument and not argument.startswith("~"):
        return _not_a_setting(argument, loader)
    override = readable(argument)
    if override is None:
        return (
            f"{argument}: cannot be read as key=value; quote values that hold blanks, commas,"
            " brackets or signs: 'key=\"value\"'"
        )
    rules: list[Callable[[Override], str | None]] = [_sign_problem, _hydra_problem]
    problems = [rule(override) for rule in rules]
    problems.append(_values_problem(override, loader, sweep))
    return next((problem for problem in problems if problem), None)


def _not_a_setting(argument: str, loader: ConfigLoader) -> str:
    groups = [group for group in GROUPS if argument in choices(group, loader)]
    meant = f"{groups[0]}={argument}" if groups else None
    return f"{argument}: settings are written key=value{hint(meant)}"


def _sign_problem(override: Override) -> str | None:
    sign = SIGNS.get(override.type)
    key = override.key_or_group
    if sign == "~":
        return f"~{key}: settings cannot be removed; choose another file or value: {key}=..."
    if sign:
        return (
            f"{sign}{key}: settings cannot be added, only set; write {key}=..., or add the key to"
            " a file in conf/"
        )
    if override.package is not None:
        return f"{override.get_key_element()}: write {key}=... without @{override.package}"
    return None


def _hydra_problem(override: Override) -> str | None:
    key = override.key_or_group
    if not override.is_hydra_override():
        return None
    if key == launcher.GROUP and not override.is_sweep_override():
        return launcher.choice_problem(override.value())
    if key not in launcher.LAUNCHER:
        meant = hint(nearest_key(key, launcher.LAUNCHER))
        yours = f"yours are {launcher.OFFERED}, folder and study"
        return f"{key}: epochwise decides this{meant}; {yours}"
    fits, allowed = launcher.LAUNCHER[key]
    if override.is_sweep_override() or not fits(override.value()):
        return f"{override.input_line}: must be {allowed}"
    return None


def _values_problem(override: Override, loader: ConfigLoader, sweep: bool) -> str | None:
    if override.is_interval_sweep():
        return (
            f"{override.input_line}: an interval has no end of values; list them"
            f" ({override.key_or_group}=1,2,4) or use range(start,stop,step)"
        )
    values = setting(override.input_line or "", loader).values
    if not values:
        return f"{override.input_line}: names no value at all; list at least one"
    if len(values) > 1 and not sweep:
        return (
            f"{override.input_line}: one run takes one value; for several run"
            f" `epochwise sweep {override.input_line}`"
        )
    if override.key_or_group in GROUPS:
        problems = [choice_problem(override.key_or_group, value, loader) for value in values]
        return next((problem for problem in problems if problem), None)
    return None
