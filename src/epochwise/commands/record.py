"""Copy what a repository should keep of a study: finding, results, figures, report, config."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from epochwise.arguments import DONE, mistake
from epochwise.commands.language import add_language
from epochwise.commands.report import write_report
from epochwise.report.study_folder import checked


def run(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser("epochwise record", description=__doc__)
    parser.add_argument("study", type=Path, help="the study's folder: multirun/NAME/STAMP")
    where = "a new folder; experiments/NAME where it is not given"
    parser.add_argument("--to", type=Path, metavar="FOLDER", help=where)
    add_language(parser, default=None)  # as its page was written
    flags = parser.parse_args(arguments)
    try:
        print(_kept(checked(flags.study), flags.to, flags.language))
    except ValueError as error:
        return mistake(str(error))
    return DONE


def _kept(study: Path, to: Path | None, language: str | None) -> Path:
    """The README of what was kept.

    Raises:
        ValueError: There is nothing to keep, or something in its place.
    """
    from epochwise.record import Study
    from epochwise.report.recorded import record

    target = to or Path("experiments") / Study.load(study).name
    if not target.exists() and (language or not (study / "figures").is_dir()):
        write_report(study, language or "en")
    return record(study, target)
