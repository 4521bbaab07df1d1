"""The commands on data: `epochwise data COMMAND`. Each is imported when it is asked for."""

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import NamedTuple


class DataCommand(NamedTuple):
    module: str
    """Of this package; its function `run` takes the arguments and returns the exit status."""
    usage: str
    purpose: str


DATA_COMMANDS = {
    "check": DataCommand("check", "check [key=value ...]", "what is wrong with a data set"),
    "show": DataCommand(
        "show", "show [key=value ...]", "rows as the model sees them, and what of them is learnt"
    ),
    "build": DataCommand(
        "build", "build DOCUMENT ... --out FILE", "rows from documents, written by a model"
    ),
    "grow": DataCommand("grow", "grow SEEDS --out FILE", "many rows from about fifty"),
}


def run(name: str, arguments: Sequence[str]) -> int:
    """Carry out one of DATA_COMMANDS."""
    module = import_module(f"{__name__}.{DATA_COMMANDS[name].module}")
    command: Callable[[Sequence[str]], int] = module.run
    return command(arguments)
