"""What train, sweep and plan are given: flags, a study's name, settings."""

import argparse
import re
from collections.abc import Sequence

DEFAULT_STUDY = "epochs_vs_size"


def hydra_flags(command: str, arguments: Sequence[str]) -> argparse.Namespace:
    """Hydra's own flags and ours, in any order with the settings."""
    from hydra._internal.utils import get_args_parser

    parser = get_args_parser()
    parser.prog = f"epochwise {command}"
    parser.add_argument("--fresh", action="store_true")
    parser.add_argument("--guard", action="store_true")
    parser.add_argument("--seeds-where-needed", metavar="N")
    parser.add_argument("--jobs", metavar="N")
    flags, unknown = parser.parse_known_intermixed_args(arguments)
    flags.unknown = unknown
    flags.known = re.findall(r"--[a-z-]+", parser.format_usage())
    return flags


def study_named(flags: argparse.Namespace) -> str | None:
    """The study file that is named in front of the settings, which are left."""
    from epochwise.compose.overrides import axis_keys

    named = [text for text in flags.overrides[:1] if "=" not in text and text[:1] not in "+~"]
    flags.overrides = flags.overrides[len(named) :]
    default = [] if axis_keys(flags.overrides) else [DEFAULT_STUDY]
    return next(iter(named + default), None)


def launcher_settings(flags: argparse.Namespace) -> list[str]:
    switches = [name for name in ("fresh", "guard") if name in flags and vars(flags)[name]]
    values = {"n_jobs": flags.jobs, "seeds_where_needed": vars(flags).get("seeds_where_needed")}
    return [f"hydra.launcher.{name}=true" for name in switches] + [
        f"hydra.launcher.{name}={value}" for name, value in values.items() if value is not None
    ]


def naming(settings: Sequence[str], flags: argparse.Namespace, study: str | None) -> list[str]:
    """A study without a name of its own is named after its file, or its axes: size_x_r."""
    from epochwise.compose.overrides import axis_keys
    from epochwise.compose.study import names_itself

    if not flags.multirun or any(text.startswith("study=") for text in settings):
        return []
    if study is not None:
        return [] if names_itself(study) else [f"study={study}"]
    axes = [key.rpartition(".")[2] for key in axis_keys(settings)]
    return [f"study={'_x_'.join(axes)[:64]}"] if axes else []
