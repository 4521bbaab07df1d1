"""Settings are checked, then handed to Hydra, which composes them once more and runs."""

import argparse
import shlex
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from epochwise.arguments import DONE, mistake, mistakes
from epochwise.commands.typed import launcher_settings, naming

if TYPE_CHECKING:
    from omegaconf import DictConfig


def compose_and_run(
    command: str, arguments: Sequence[str], flags: argparse.Namespace, study: str | None
) -> int:
    """Tell all mistakes, or hand over to Hydra, which composes once more and runs."""
    settings = [*flags.overrides, *launcher_settings(flags)]
    shows = flags.help or flags.hydra_help or flags.info or flags.shell_completion
    if not shows:
        from epochwise.compose.check import check

        problems = _flag_problems(flags)
        problems += check(settings, study or "config", sweep=flags.multirun)
        if problems:
            return mistakes(problems)
    typed = shlex.join(["epochwise", command, *arguments])
    return _hydra([*_hydra_flags(flags, study), *settings, *naming(settings, flags, study)], typed)


def _flag_problems(flags: argparse.Namespace) -> list[str]:
    from epochwise.compose.nearest import hint, nearest

    unknown = [f"{text}: no such flag{hint(nearest(text, flags.known))}" for text in flags.unknown]
    folders = {
        "--config-path": flags.config_path,
        "--config-dir": flags.config_dir,
        "--config-name": flags.config_name,
        "--experimental-rerun": flags.experimental_rerun,
    }
    modes = {
        "--multirun": flags.multirun,
        "--run": flags.run,
        "--cfg": flags.cfg,
    }
    chosen = [flag for flag, on in modes.items() if on]
    if len(chosen) > 1:
        unknown.append(f"{' and '.join(chosen)}: exclude each other; keep one")
    return unknown + [
        f"{flag}: not used here; put a study into experiments/NAME.yaml: epochwise sweep NAME"
        for flag, value in folders.items()
        if value is not None
    ]


def _hydra_flags(flags: argparse.Namespace, study: str | None) -> list[str]:
    """What Hydra is to be told, with its own flags in front of the settings."""
    switches = {
        "--help": flags.help,
        "--hydra-help": flags.hydra_help,
        "--resolve": flags.resolve,
        "--shell-completion": flags.shell_completion,
        "--multirun": flags.multirun,
    }
    values = {"--cfg": flags.cfg, "--package": flags.package, "--info": flags.info}
    told = [flag for flag, on in switches.items() if on]
    told += [f"{flag}={value}" for flag, value in values.items() if value is not None]
    if study is None:
        return told
    from epochwise.compose.places import studies

    return [*told, f"--config-dir={studies()[study].parent}", f"--config-name={study}"]


def _hydra(arguments: Sequence[str], command: str) -> int:
    import hydra
    from hydra.core.override_parser.types import Quote, QuotedString
    from hydra.errors import HydraException

    from epochwise.compose.places import conf_folder

    text = QuotedString(command, Quote.single).with_quotes()
    sys.argv = ["epochwise", *arguments, f"hydra.launcher.command={text}"]
    compose = hydra.main(version_base="1.3", config_path=str(conf_folder()), config_name="config")
    try:
        compose(_one_run)()
    except HydraException as error:
        return mistake(" ".join(str(error).split()))
    return DONE


def _one_run(settings: "DictConfig") -> None:
    """What Hydra calls when it is not sweeping: a study of one run."""
    from hydra.core.hydra_config import HydraConfig
    from omegaconf import OmegaConf

    from epochwise.config import Config
    from epochwise.sweep.launch import launch_of
    from epochwise.sweep.study import carry_out

    config = Config.model_validate(OmegaConf.to_container(settings, resolve=True))
    launcher = OmegaConf.to_container(HydraConfig.get().launcher)
    assert isinstance(launcher, dict)
    chosen = {str(key): value for key, value in launcher.items() if key != "_target_"}
    status = carry_out([config], overrides=[{}], launch=launch_of(chosen))
    raise SystemExit(status)  # Hydra has no other way to pass a status on
