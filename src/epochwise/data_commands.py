"""`epochwise data NAME`: what can be done with data before anything is trained."""

import sys
from collections.abc import Callable, Sequence
from typing import NamedTuple

MISTAKE = 2


class DataCommand(NamedTuple):
    run: Callable[[Sequence[str]], int]
    usage: str
    purpose: str


def build(arguments: Sequence[str]) -> int:
    """Rows from documents, by any model behind an OpenAI-compatible address."""
    from epochwise.make.build_command import main

    return main(arguments)


DATA_COMMANDS = {
    "build": DataCommand(build, "data build DOCUMENT ... --out FILE", "rows from documents"),
}


def main(arguments: Sequence[str]) -> int:
    """Run one of the data commands; returns the exit status."""
    name = arguments[0] if arguments else "--help"
    if name in ("-h", "--help"):
        print(_help())
        return 0
    if name not in DATA_COMMANDS:
        from epochwise.data.problems import nearest

        meant = nearest(name, DATA_COMMANDS)
        known = ", ".join(DATA_COMMANDS)
        print(
            f"epochwise: data {name}: no such command{meant} (there are {known})", file=sys.stderr
        )
        return MISTAKE
    return DATA_COMMANDS[name].run(arguments[1:])


def _help() -> str:
    width = max(len(command.usage) for command in DATA_COMMANDS.values())
    lines = [f"  {command.usage:{width}}  {command.purpose}" for command in DATA_COMMANDS.values()]
    return "\n".join(["usage: epochwise data COMMAND ...", "", *lines])
