"""Verdicts on training histories that any tool has made, each with what to do."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from epochwise.arguments import DONE, FAILED, refuse


def run(arguments: Sequence[str]) -> int:
    from rich.console import Console

    options = _read(arguments)
    from epochwise.diagnose.history.columns import Names
    from epochwise.diagnose.history.judge import judgements

    results, problems = judgements(options.files, Names(options.train, options.val))
    if options.json:
        print(json.dumps([result.json() for result in results], indent=2))
    elif results:
        from epochwise.diagnose.told import told

        Console(highlight=False).print(told(results))
    if problems:
        return refuse("cannot judge", problems)
    shown = {name for result in results for name in result.names}
    return FAILED if shown & set(options.fail_on) else DONE


def _read(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("epochwise judge", description=__doc__)
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE", help="or a run's folder")
    parser.add_argument("--train", metavar="NAME", help="the series of training losses")
    parser.add_argument("--val", metavar="NAME", help="the series of validation losses")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of a table")
    shown = "exit 1 where one of these verdicts or flags shows: overfit_loss,memorised"
    parser.add_argument("--fail-on", type=_verdicts, default=(), metavar="NAME,...", help=shown)
    return parser.parse_args(arguments)


def _verdicts(text: str) -> tuple[str, ...]:
    from epochwise.compose.nearest import hint, nearest
    from epochwise.diagnose.verdict import FLAGS, HEADLINES

    found = tuple(name.strip() for name in text.split(","))  # an empty one is a mistake, too
    for name in found:
        if name not in (*HEADLINES, *FLAGS):
            known = ", ".join((*HEADLINES, *FLAGS))
            meant = hint(nearest(name, (*HEADLINES, *FLAGS)))
            raise argparse.ArgumentTypeError(f"{name}: no such verdict{meant} (there are {known})")
    return found
