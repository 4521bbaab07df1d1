"""Runs or studies side by side: settings, results, and paired differences of their losses."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from epochwise.arguments import DIFFERS, DONE, mistake
from epochwise.commands.language import add_language
from epochwise.record import finite

if TYPE_CHECKING:
    from epochwise.report.comparison.comparison import Comparison


def run(arguments: Sequence[str]) -> int:
    flags = _read(arguments)
    from epochwise.report.comparison.comparison import comparison

    try:
        found = comparison(flags.folders)
    except ValueError as error:
        return mistake(str(error))
    _tell(found, flags)
    return DIFFERS if found.differ else DONE


def _tell(found: "Comparison", flags: argparse.Namespace) -> None:
    if flags.json:
        print(json.dumps(finite(found.json()), indent=2, ensure_ascii=False))
    else:
        from rich.console import Console

        from epochwise.report.comparison.told import told

        Console(highlight=False).print(told(found))
    if flags.html is not None:
        from epochwise.report.comparison.page import write

        print(write(found, flags.html, flags.language), file=sys.stderr if flags.json else None)


def _read(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("epochwise compare", description=__doc__)
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
