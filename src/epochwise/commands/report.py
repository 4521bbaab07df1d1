"""Write a study's tables, figures and page again from what its runs left, or a run's page."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from epochwise.arguments import DONE, mistake
from epochwise.commands.language import add_language
from epochwise.record import is_done
from epochwise.report.study_folder import checked, newest


def run(arguments: Sequence[str]) -> int:
    flags = _read(arguments)
    try:
        page = write_report(flags.folder, flags.language)
        print(_send(flags.folder, flags.project) if flags.wandb else page)
    except ValueError as error:
        return mistake(str(error))
    return DONE


def _read(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("epochwise report", description=__doc__)
    help_text = "of a study, multirun/NAME/STAMP, or of a finished run"
    parser.add_argument("folder", type=Path, help=help_text)
    add_language(parser)
    parser.add_argument("--wandb", action="store_true", help="also as a W&B Report and saved view")
    parser.add_argument("--project", default="epochwise", help="W&B's, as in track.project")
    return parser.parse_args(arguments)


def write_report(folder: Path, language: str) -> Path:
    """The page of a study, or of a run.

    Raises:
        ValueError: The folder is neither.
    """
    if (folder / "study.json").is_file():
        from epochwise.sweep.study import judged

        return judged(folder, language)[1]
    if is_done(folder):
        from epochwise.report.run_page import write

        return write(folder, language)
    raise ValueError(
        f"{folder}: is no study folder; give multirun/NAME/STAMP{newest(folder)},"
        " or a finished run's, with a file DONE"
    )


def _send(study: Path, project: str) -> str:
    """The address of the study's report on W&B.

    Raises:
        ValueError: It is no study, or W&B cannot be reached as its user.
    """
    checked(study)
    from epochwise.report.wandb_report import send

    return str(send(study, project).report)
