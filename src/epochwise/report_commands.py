"""`epochwise report`, `compare`, `record` and `watch`: what they are given, what they leave."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from epochwise.record import finite, is_done
from epochwise.report.language import LANGUAGES
from epochwise.report.study_folder import checked, newest
from epochwise.report.study_folder import language as language_of


def report_flags(arguments: Sequence[str], description: str | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("epochwise report", description=description)
    help_text = "of a study, multirun/NAME/STAMP, or of a finished run"
    parser.add_argument("folder", type=Path, help=help_text)
    add_language(parser, default=None)  # as its study is told
    parser.add_argument("--wandb", action="store_true", help="also as a W&B Report and saved view")
    parser.add_argument("--project", default="epochwise", help="W&B's, as in track.project")
    return parser.parse_args(arguments)


def add_language(parser: argparse.ArgumentParser, default: str | None = "en") -> None:
    told = ", ".join(f"{code} {name}" for code, name in LANGUAGES.items())
    parser.add_argument("--language", choices=LANGUAGES, default=default, help=told)


def write_report(folder: Path, language: str | None) -> Path:
    """The page of a study, or of a run.

    Args:
        language: None for that of the study, `report.language`.

    Raises:
        ValueError: The folder is neither.
    """
    language = language or language_of(folder)
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


def send_report(study: Path, project: str) -> str:
    """The address of the study's report on W&B.

    Raises:
        ValueError: It is no study, or W&B cannot be reached as its user.
    """
    checked(study)
    from epochwise.report.wandb_report import send

    return str(send(study, project).report)


def record(arguments: Sequence[str], description: str | None) -> Path:
    """Keep a study for a repository; the README of what was kept.

    Raises:
        ValueError: There is no such study, nothing to keep, or something in its place.
    """
    parser = argparse.ArgumentParser("epochwise record", description=description)
    parser.add_argument("study", type=Path, help="the study's folder: multirun/NAME/STAMP")
    where = "a new folder; experiments/NAME where it is not given"
    parser.add_argument("--to", type=Path, metavar="FOLDER", help=where)
    add_language(parser, default=None)  # as its page was written
    flags = parser.parse_args(arguments)
    checked(flags.study)
    from epochwise.record import Study
    from epochwise.report.recorded import record as keep

    target = flags.to or Path("experiments") / Study.load(flags.study).name
    if not target.exists() and (flags.language or not (flags.study / "figures").is_dir()):
        write_report(flags.study, flags.language)
    return keep(flags.study, target)


def watch(arguments: Sequence[str], description: str | None) -> bool:
    """Show a study while it runs; whether some run failed.

    Raises:
        ValueError: There is no such study, or the port is taken.
    """
    parser = argparse.ArgumentParser("epochwise watch", description=description)
    parser.add_argument("study", type=Path, help="the study's folder: multirun/NAME/STAMP")
    page = "the report so far as a page of this machine; any free port where none is given"
    parser.add_argument("--serve", type=int, nargs="?", const=0, metavar="PORT", help=page)
    flags = parser.parse_args(arguments)
    checked(flags.study)
    if flags.serve is not None and not 0 <= flags.serve < 65536:
        raise ValueError(f"--serve {flags.serve}: is no port; give 0 to 65535")
    from epochwise.sweep.watch import watch as look

    found = look(flags.study, flags.serve)
    report = flags.study / "report.html"
    print(report if report.is_file() else flags.study / "log")
    return found.counts["failed"] > 0


def compare(arguments: Sequence[str], description: str | None) -> bool:
    """Tell how runs or studies differ; whether they do.

    Raises:
        ValueError: Some folder is neither a run nor a study.
    """
    flags = _compare_flags(arguments, description)
    from epochwise.report.comparison.comparison import comparison

    found = comparison(flags.folders)
    if flags.json:
        print(json.dumps(finite(found.json()), indent=2, ensure_ascii=False))
    else:
        from rich.console import Console

        from epochwise.report.comparison.told import told

        Console(highlight=False).print(told(found))
    if flags.html is not None:
        from epochwise.report.comparison.page import write

        print(write(found, flags.html, flags.language), file=sys.stderr if flags.json else None)
    return found.differ


def _compare_flags(arguments: Sequence[str], description: str | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("epochwise compare", description=description)
    parser.add_argument(
        "first", type=Path, metavar="A", help="a study's or a finished run's folder"
    )
    parser.add_argument("others", type=Path, nargs="+", metavar="B", help="what to set beside it")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of tables")
    parser.add_argument("--html", type=_new_page, metavar="OUT.html", help="write a page as well")
    add_language(parser)
    flags = parser.parse_args(arguments)
    flags.folders = [flags.first, *flags.others]
    return flags


def _new_page(text: str) -> Path:
    path = Path(text)
    if path.exists():
        raise argparse.ArgumentTypeError(f"{text}: is there already; give a new name")
    if not path.parent.is_dir():
        raise argparse.ArgumentTypeError(f"{text}: there is no folder {path.parent}")
    return path
