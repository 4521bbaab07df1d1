"""What of Hydra's launcher is the user's: which one, its keys, and what they may be."""

import re
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from epochwise.compose.nearest import hint, nearest

GROUP = "hydra/launcher"
ADDRESS = re.compile(r"auto|(ray://)?[\w.-]+:\d{1,5}")


class Allowed(NamedTuple):
    fits: Callable[[Any], bool]
    words: str


def _whole(low: int) -> Allowed:
    words = f"a whole number, {low} or more"
    return Allowed(lambda value: type(value) is int and value >= low, words)


def _or_null(allowed: Allowed) -> Allowed:
    return Allowed(lambda value: value is None or allowed.fits(value), f"{allowed.words}, or null")


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and value < float("inf")


def _is_share_of_gpus(value: Any) -> bool:
    return _is_number(value) and (0 <= value <= 1 or value == int(value) > 1)


def _is_setup(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(line, str) for line in value)


def _is_flat(value: Any) -> bool:
    plain = (str, int, float, bool)
    return isinstance(value, dict) and all(isinstance(item, plain) for item in value.values())


def _one_of(*names: str) -> Allowed:
    return Allowed(lambda value: value in names, " or ".join(names))


TEXT = Allowed(lambda value: isinstance(value, str) and value != "", "text")
COMMON = {
    "n_jobs": _or_null(_whole(1)),
    "fresh": Allowed(lambda value: isinstance(value, bool), "true or false"),
    "retries": _whole(0),
    "on_failure": _one_of("continue", "stop"),
    "guard": Allowed(lambda value: isinstance(value, bool), "true or false"),
    "seeds_where_needed": _whole(0),
}
TIMEOUT = {
    "timeout": _or_null(
        Allowed(lambda value: _is_number(value) and value > 0, "a number of seconds over 0")
    )
}
KEYS: dict[str, dict[str, Allowed]] = {
    "epochwise": COMMON | TIMEOUT,
    "ray": COMMON
    | TIMEOUT
    | {
        "address": _or_null(
            Allowed(
                lambda value: isinstance(value, str) and bool(ADDRESS.fullmatch(value)),
                "HOST:PORT, ray://HOST:PORT, auto",
            )
        ),
        "num_cpus": _whole(1),
        "num_gpus": _or_null(
            Allowed(_is_share_of_gpus, "a whole number, 0 or more, or a share of one GPU")
        ),
    },
    "slurm": COMMON
    | {
        "cluster": _one_of("slurm", "local"),
        "partition": _or_null(TEXT),
        "account": _or_null(TEXT),
        "qos": _or_null(TEXT),
        "timeout_min": _whole(1),
        "max_num_timeout": _whole(0),
        "signal_delay_s": _whole(1),
        "cpus_per_task": _whole(1),
        "gpus_per_node": _or_null(_whole(0)),
        "mem_gb": _or_null(Allowed(lambda value: _is_number(value) and value > 0, "over 0")),
        "setup": Allowed(_is_setup, "a list of shell lines"),
        "additional_parameters": _or_null(Allowed(_is_flat, "a mapping {NAME: VALUE}")),
    },
}
LAUNCHER = {
    f"hydra.launcher.{key}": allowed for keys in KEYS.values() for key, allowed in keys.items()
}
OFFERED = ", ".join([GROUP, *(f"hydra.launcher.{key}" for key in KEYS["epochwise"])])


def choice_problem(name: Any) -> str | None:
    if name in KEYS:
        return None
    return (
        f"{GROUP}={name}: must be one of {', '.join(KEYS)}{hint(nearest(str(name), KEYS))}; the"
        " runs of a study are shared out by epochwise itself"
    )


def misplaced(given: Iterable[str], chosen: str) -> list[str]:
    """A line for each known key that the chosen launcher does not have.

    >>> misplaced(["hydra.launcher.timeout"], "slurm")[0].partition(";")[0]
    'hydra.launcher.timeout: is no key of hydra/launcher=slurm'
    """
    return [
        f"{key}: is no key of {GROUP}={chosen}; {_remedy(key, chosen)}"
        for key in given
        if key in LAUNCHER and key.rpartition(".")[2] not in KEYS[chosen]
    ]


def _remedy(key: str, chosen: str) -> str:
    name = key.rpartition(".")[2]
    meant = nearest(name, KEYS[chosen])
    others = [f"{GROUP}={launcher}" for launcher, keys in KEYS.items() if name in keys]
    same = f"it has hydra.launcher.{meant}; " if meant else ""
    return f"{same}choose {' or '.join(others)}, or leave it out"
