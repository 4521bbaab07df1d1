"""A study while another terminal works on it: states, curves, and with --serve its report."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from epochwise.arguments import DONE, FAILED, mistake
from epochwise.report.study_folder import checked


def run(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser("epochwise watch", description=__doc__)
    parser.add_argument("study", type=Path, help="the study's folder: multirun/NAME/STAMP")
    page = "the report so far as a page of this machine; any free port where none is given"
    parser.add_argument("--serve", type=_port, nargs="?", const=0, metavar="PORT", help=page)
    flags = parser.parse_args(arguments)
    try:
        checked(flags.study)
        from epochwise.sweep.watch import watch

        found = watch(flags.study, flags.serve)
    except ValueError as error:  # no study, or the port is taken
        return mistake(str(error))
    report = flags.study / "report.html"
    print(report if report.is_file() else flags.study / "log")
    return FAILED if found.counts["failed"] else DONE


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) >= 65536:
        raise argparse.ArgumentTypeError(f"{text}: is no port; give 0 to 65535")
    return int(text)
