"""The setting to use, and how sure that is, from any table of results or a study's folder."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from epochwise.arguments import DONE, mistake


def run(arguments: Sequence[str]) -> int:
    options = _read(arguments)
    from epochwise.diagnose.advice import study_advice, table_advice

    try:
        if (options.table / "study.json").is_file():
            found = study_advice(options.table)
        else:
            found = table_advice(options.table, options.columns, maximize=options.maximize)
    except ValueError as error:
        return mistake(str(error))
    if options.json:
        from epochwise.record import finite

        print(json.dumps(finite(found.json()), indent=2))
    else:
        print("\n".join(found.lines()))
    return DONE


def _read(arguments: Sequence[str]) -> argparse.Namespace:
    """`columns`: quantity -> the column that was named for it."""
    parser = argparse.ArgumentParser("epochwise advise", description=__doc__)
    parser.add_argument("table", type=Path, help="CSV, TSV, JSONL, JSON, or a study's folder")
    quantities = ("size", "epochs", "loss", "rank", "seed")
    for quantity in quantities:
        parser.add_argument(f"--{quantity}", metavar="COLUMN", help=f"the column of the {quantity}")
    more = "the loss column holds scores in (0, 1], where more is better"
    parser.add_argument("--maximize", action="store_true", help=more)
    parser.add_argument("--json", action="store_true", help="one JSON document instead of lines")
    options = parser.parse_args(arguments)
    given = vars(options)
    options.columns = {name: given[name] for name in quantities if given[name] is not None}
    return options
