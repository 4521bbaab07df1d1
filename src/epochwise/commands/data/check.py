"""`epochwise data check`: settings to rows and tokenizer, findings to screen, page and files."""

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from epochwise.arguments import names, refuse

if TYPE_CHECKING:
    from epochwise.config import Config
    from epochwise.data.check.report import Report, Stage

DONE, FAILED = 0, 1
USAGE = "epochwise data check [key=value ...] [options]"


def run(arguments: Sequence[str]) -> int:
    """What is wrong with a data set, before anything is trained on it."""
    options = _options(arguments)
    from epochwise.compose.check import single

    found = single(options.settings)
    sources = [name for config in found.configs for name in config.data.sources or ()]
    if wrong := _problems(options, sources) + found.problems:
        return refuse("cannot check", wrong)
    try:
        report = _carried_out(found.configs[0], options)
    except ValueError as error:
        return refuse("cannot check", str(error).splitlines())
    return FAILED if _failing(report, options.fail_on) else DONE


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("epochwise data check", usage=USAGE, description=run.__doc__)
    parser.add_argument("settings", nargs="*", metavar="key=value", help="as for train")
    test = "a file of test rows, in the data's own format: training must not know them"
    parser.add_argument("--test", type=Path, metavar="FILE", help=test)
    parser.add_argument("--json", action="store_true", help="one JSON document instead of lines")
    parser.add_argument("--html", type=Path, metavar="OUT", help="write the report as a page")
    fail = "exit 1 where one of these is found: names of findings, or error, warning, note"
    parser.add_argument("--fail-on", type=names, default=(), metavar="NAME,...", help=fail)
    fix = "write a cleaned copy (.jsonl .json .csv .tsv), and beside it a log of each change"
    parser.add_argument("--fix", type=Path, metavar="OUT", help=fix)
    return parser.parse_intermixed_args(arguments)


def _problems(options: argparse.Namespace, sources: Sequence[str]) -> list[str]:
    """What is wrong with the flags; the settings have their own check."""
    from epochwise.compose.nearest import hint, nearest
    from epochwise.data.check.finding import NAMES, SEVERITIES
    from epochwise.data.check.mend import fault
    from epochwise.data.check.page import fault as page_fault

    known = (*SEVERITIES, *NAMES)
    found = [
        f"--fail-on {name}: no such finding{hint(nearest(name, known))} (there are"
        f" {', '.join(known)})"
        for name in options.fail_on
        if name not in known
    ]
    found += [wrong for wrong in [fault(options.fix, sources)] if wrong] if options.fix else []
    return found + (
        [wrong for wrong in [page_fault(options.html)] if wrong] if options.html else []
    )


def _carried_out(config: "Config", options: argparse.Namespace) -> "Report":
    """Check, write what was asked for, and tell.

    Raises:
        ValueError: Nothing can be read, or nothing written.
    """
    from transformers.utils.logging import set_verbosity_error

    from epochwise.data.check.mend import mended, write
    from epochwise.data.check.page import write_page
    from epochwise.data.check.report import check, subject
    from epochwise.model.gguf import as_folder
    from epochwise.model.location import locate
    from epochwise.model.pretrained import load_tokenizer

    set_verbosity_error()  # it warns of long rows, which are counted here
    tokenizer = load_tokenizer(config.model, as_folder(locate(config.model.path)))
    with _progress() as stage:
        looked_at = subject(config.data, options.test, stage)
        report = check(looked_at, tokenizer, epochs=config.train.epochs, stage=stage)
    written = [write_page(options.html, report)] if options.html else []
    if options.fix:
        written += write(options.fix, mended(looked_at, tokenizer))
    _tell(report, written, as_json=options.json)
    return report


def _tell(report: "Report", written: Sequence[Path], *, as_json: bool) -> None:
    from rich.console import Console

    from epochwise.data.check.terminal import drawn

    if as_json:
        print(json.dumps(report.json(), indent=2, ensure_ascii=False))
    else:
        Console(highlight=False).print(drawn(report))
    for path in written:
        print(path, file=sys.stderr if as_json else sys.stdout)


def _failing(report: "Report", names: Sequence[str]) -> list[str]:
    return [
        finding.name
        for finding in report.findings
        if finding.count and {finding.name, finding.severity} & set(names)
    ]


@contextmanager
def _progress() -> "Iterator[Stage]":
    """A bar a stage on standard error, with the time left."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:

        def stage(name: str, rows: int) -> Callable[[int], None]:
            bar = progress.add_task(name, total=rows)
            return lambda count: progress.update(bar, advance=count)

        yield stage
