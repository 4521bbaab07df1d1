"""What `data build` and `data grow` are both told, and what both tell."""

import argparse
import hashlib
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress, TimeRemainingColumn

from epochwise.arguments import MISTAKE
from epochwise.endpoint import Limit, Tokens
from epochwise.make.model import limit_of, model_faults

DONE, STOPPED = 0, 1
BYTES_PER_TOKEN = 4  # of what is foreseen; the meter itself counts what the server says
NEEDS = {
    "rouge_score": "rouge-score",
    "semantic_text_splitter": "semantic-text-splitter",
    "inscriptis": "inscriptis",
    "pypdf": "pypdf",
}


def guarded(carry_out: Callable[[], int]) -> int:
    """The exit status of a command: what its user, or a full disk, has done wrong is told."""
    try:
        return carry_out()
    except ValueError as error:
        print(f"epochwise: {error}", file=sys.stderr)
        return MISTAKE
    except OSError as error:  # such as a full disk; what was done by then is kept
        print(f"epochwise: {error}; then give the same command again", file=sys.stderr)
        return STOPPED


def add_prompt_flags(rows: Any) -> None:
    """How the model is asked; `rows` is a parser's group."""
    forms = "what the model is asked to write: json, or lines `Q:` and `A:` for small ones"
    rows.add_argument("--reply", choices=("json", "lines"), default="json", help=forms)
    rows.add_argument("--prompt", type=Path, metavar="FILE", help="your wording of what is asked")
    rows.add_argument("--show-prompt", action="store_true", help="print ours, to begin with")


def check(options: argparse.Namespace, faults: Sequence[str]) -> None:
    """Raises ValueError with all that is wrong with the flags, `faults` among it."""
    found = [*faults, *([] if options.plan else model_faults(options))]
    if options.out is not None:
        found += _out_faults(options.out)
    elif not options.plan:
        found.append("--out: is needed, the file that the rows are written to")
    if found:
        raise ValueError("\n  ".join(found))


def said(options: argparse.Namespace, flags: Sequence[str]) -> dict[str, Any]:
    """Flags as they were typed, with their values: what decides the rows is kept with them."""
    return {f"--{name.replace('_', '-')}": vars(options)[name] for name in flags}


def digest(value: Any) -> str:
    """16 hex digits of bytes, or of anything that JSON holds."""
    content = value if isinstance(value, bytes) else json.dumps(value, sort_keys=True).encode()
    return hashlib.sha256(content).hexdigest()[:16]


def bar() -> Progress:
    """On standard error, with the time left."""
    columns = (*Progress.get_default_columns()[:-1], TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True), transient=True)


def tell_plan(what: str, count: int, ahead: Tokens, options: argparse.Namespace) -> None:
    """What `count` of `what`, rows or windows, are to take."""
    limit = limit_of(options)
    if options.json:
        plan = {what: count, "tokens": ahead._asdict(), "cost": limit.cost(ahead)}
        print(json.dumps(plan, indent=2))
    else:
        print(f"{count} {what}: about {told_cost(ahead, limit)}")


def told_cost(tokens: Tokens, limit: Limit) -> str:
    """Example: `1,200 prompt and 300 reply tokens, at a cost of 0.02`."""
    counts = f"{tokens.prompt:,} prompt and {tokens.reply:,} reply tokens"
    priced = limit.price_in or limit.price_out
    return f"{counts}, at a cost of {limit.cost(tokens):.4g}" if priced else counts


def check_installed(command: str) -> None:
    """Raises ValueError, with the command that installs them, where libraries lack."""
    from importlib.util import find_spec

    missing = [name for module, name in NEEDS.items() if not find_spec(module)]
    if missing:
        raise ValueError(
            f"data {command} needs {', '.join(missing)}, which are not installed;"
            " run: pip install 'epochwise[make]'"
        )


def _out_faults(out: Path) -> list[str]:
    """What is wrong with a name under which no rows would be found again."""
    if out.suffix != ".jsonl":
        return [f"--out {out}: must end in .jsonl, as it holds one row a line"]
    if out.is_dir():
        return [f"--out {out}: is a folder; give a file in it, such as {out}/rows.jsonl"]
    return []


def language_code(text: str) -> str:
    import py3langid  # type: ignore[import-untyped]

    known = sorted(code for code, _ in py3langid.rank("a"))
    if text not in known:
        raise argparse.ArgumentTypeError(f"{text}: expected one of {', '.join(known)}")
    return text
