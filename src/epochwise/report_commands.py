"""`epochwise report` and `compare`: what they are given, and what they leave."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from epochwise.record import is_done
from epochwise.report.language import LANGUAGES


def report_flags(arguments: Sequence[str], description: str | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("epochwise report", description=description)
    help_text = "of a study, multirun/NAME/STAMP, or of a finished run"
    parser.add_argument("folder", type=Path, help=help_text)
    add_language(parser)
    return parser.parse_args(arguments)


def add_language(parser: argparse.ArgumentParser) -> None:
    told = ", ".join(f"{code} {name}" for code, name in LANGUAGES.items())
    parser.add_argument("--language", choices=LANGUAGES, default="en", help=told)


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


def newest(folder: Path) -> str:
    """`; did you mean ...?`, where a study lies below."""
    found = sorted(folder.glob("**/study.json")) if folder.is_dir() else []
    return f"; did you mean {found[-1].parent}?" if found else ""
