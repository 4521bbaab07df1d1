"""Run it again from what it saved, compare every number, say what drifted."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from epochwise.arguments import DIFFERS, DONE, mistake


def run(arguments: Sequence[str]) -> int:
    from rich.console import Console
    from rich.progress import Progress

    from epochwise.record import is_done

    parser = argparse.ArgumentParser("epochwise reproduce", description=__doc__)
    parser.add_argument("run", type=Path, help="the run's folder: multirun/NAME/STAMP/runs/ID")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of lines")
    options = parser.parse_args(arguments)
    if not is_done(options.run):
        return mistake(
            f"{options.run}: is no finished run; give multirun/NAME/STAMP/runs/ID, with a file DONE"
        )
    from epochwise.reproduce import reproduce as carry_out

    try:
        with Progress(console=Console(stderr=True), transient=True) as progress:
            bar = progress.add_task("training again", total=None)
            result = carry_out(
                options.run,
                on_step=lambda tick: progress.update(bar, completed=tick.step, total=tick.steps),
            )
    except ValueError as error:
        return mistake(str(error))
    if options.json:
        print(json.dumps(result._asdict(), indent=2))
    else:
        print("\n".join(result.lines()))
    return DONE if result.equal else DIFFERS
