"""Where a study stands, also while another terminal works on it."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from epochwise.arguments import DONE, FAILED, mistake


def run(arguments: Sequence[str]) -> int:
    from rich.console import Console

    parser = argparse.ArgumentParser("epochwise status", description=__doc__)
    parser.add_argument("study", type=Path, help="the study's folder: multirun/NAME/STAMP")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of lines")
    options = parser.parse_args(arguments)
    from epochwise.report.study_folder import checked
    from epochwise.sweep.status import shown
    from epochwise.sweep.status import status as standing

    try:
        found = standing(checked(options.study))
    except ValueError as error:
        return mistake(str(error))
    if options.json:
        print(json.dumps(found.json(), indent=2))
    else:
        Console(highlight=False).print(shown(found))
    return FAILED if found.counts["failed"] else DONE
