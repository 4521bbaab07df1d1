"""The commands, a module each, imported when it is asked for: its `run` returns the exit status."""

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import NamedTuple

from epochwise.arguments import mistake


class Command(NamedTuple):
    usage: str
    purpose: str
    module: str
    """Under epochwise.commands."""


def listed(usage: str, commands: Mapping[str, Command]) -> str:
    """A help text: how to use them, and what there is."""
    width = max(len(command.usage) for command in commands.values())
    lines = [f"  {command.usage:{width}}  {command.purpose}" for command in commands.values()]
    return "\n".join([f"usage: {usage}", "", *lines])


def carry_out(
    commands: Mapping[str, Command], name: str, arguments: Sequence[str], *, before: str = ""
) -> int:
    """The exit status of the command of that name; `before` stands in front of it as typed."""
    if name not in commands:
        from epochwise.compose.nearest import hint, nearest

        meant = hint(nearest(name, commands))
        return mistake(f"{before}{name}: no such command{meant} (there are {', '.join(commands)})")
    run: Callable[[Sequence[str]], int] = import_module(
        f"epochwise.commands.{commands[name].module}"
    ).run
    return run(arguments)
