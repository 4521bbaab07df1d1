"""What a sweep would run and cost, before it runs. Nothing is trained, downloaded or left."""

import argparse
import re
import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

from epochwise.arguments import DONE, mistake, mistakes
from epochwise.commands.typed import launcher_settings, naming, study_named

if TYPE_CHECKING:
    from epochwise.sweep.forecast.outlook import Outlook
    from epochwise.sweep.launch import Launch


def run(arguments: Sequence[str]) -> int:
    from epochwise.compose.check import plan as composed

    flags = _read(arguments)
    study = study_named(flags)
    typed = [*flags.overrides, *launcher_settings(flags)]
    settings = [*typed, *naming(typed, flags, study)]
    found = composed(settings, study or "config", sweep=True)
    problems = _problems(flags) + found.problems
    if problems:
        return mistakes(problems)
    from epochwise.sweep.forecast.outlook import outlook

    words = [*([study] if study else []), *typed]
    launch = _launch(settings, study, shlex.join(["epochwise", "sweep", *words]))
    try:
        foreseen = outlook(
            found.configs,
            found.overrides,
            launch,
            skipped=found.skipped,
            price_per_hour=flags.price_per_hour,
        )
    except ValueError as problem:  # the cluster is not there, or has too little
        return mistake(str(problem))
    return _tell(foreseen, flags, study, typed)


def _read(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "epochwise plan",
        usage="epochwise plan [NAME] [key=v1,v2 ...] [options]",
        description=__doc__,
    )
    parser.add_argument("overrides", nargs="*", metavar="NAME key=v1,v2", help="as for sweep")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of a table")
    parser.add_argument(
        "--format",
        choices=("commands", "slurm", "skypilot"),
        help="the study as a script for machines that share a folder",
    )
    parser.add_argument(
        "--price-per-hour", type=float, metavar="PRICE", help="of this machine: tells the cost"
    )
    parser.add_argument("--jobs", metavar="N", help="trunks at a time, as for sweep")
    parser.add_argument("--fresh", action="store_true", help="as if no run were done yet")
    flags, flags_unknown = parser.parse_known_intermixed_args(arguments)
    flags.unknown = flags_unknown
    flags.known = re.findall(r"--[a-z-]+", parser.format_help())
    flags.multirun = True
    return flags


def _problems(flags: argparse.Namespace) -> list[str]:
    from epochwise.compose.nearest import hint, nearest

    problems = [f"{text}: no such flag{hint(nearest(text, flags.known))}" for text in flags.unknown]
    price = flags.price_per_hour
    if price is not None and not 0 <= price < float("inf"):
        problems.append(f"--price-per-hour {price:g}: must be a number, 0 or more")
    if flags.format and flags.json:
        problems.append("--json and --format: exclude each other; keep one")
    if flags.format and flags.fresh:
        problems.append("--fresh: a script gathers runs that are done; leave --fresh out")
    return problems


def _launch(settings: Sequence[str], study: str | None, command: str) -> "Launch":
    """hydra.launcher as the study file and the settings have it."""
    from omegaconf import OmegaConf

    from epochwise.compose.grid import composed
    from epochwise.compose.places import config_loader, studies
    from epochwise.sweep.launch import launch_of

    own = [text for text in settings if text.startswith("hydra")]
    with config_loader(studies()[study].parent if study else None) as loader:
        launcher = OmegaConf.to_container(composed(loader, study or "config", own).hydra.launcher)
    assert isinstance(launcher, dict)
    chosen = {str(key): value for key, value in launcher.items() if key != "_target_"}
    return launch_of(chosen | {"command": command})


def _tell(
    foreseen: "Outlook", flags: argparse.Namespace, study: str | None, typed: Sequence[str]
) -> int:
    import json

    from rich.console import Console

    if flags.format:
        from epochwise.sweep.forecast.scripts import Typed, script

        print(script(flags.format, foreseen, Typed(study, typed)))
    elif flags.json:
        print(json.dumps(foreseen.json(), indent=2))
    else:
        from epochwise.sweep.forecast.outline import outline

        Console(highlight=False).print(outline(foreseen))
    return DONE
