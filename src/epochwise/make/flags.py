"""What `data build` and `data grow` are both told: which model, how much, how fast."""

import argparse
import hashlib
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress, TimeRemainingColumn

from epochwise.arguments import MISTAKE, number, whole
from epochwise.endpoint import Client, Endpoint, Limit, Meter, Tokens, checked_url

KEY = "EPOCHWISE_LLM_KEY"  # of its own, so that no other service's key is sent along
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


def add_model_flags(parser: argparse.ArgumentParser, *, max_reply_tokens: int) -> None:
    model = parser.add_argument_group("the model", f"its key is read from {KEY} and nowhere else")
    model.add_argument(
        "--url", help="an OpenAI-compatible address, such as http://127.0.0.1:8000/v1"
    )
    model.add_argument("--model", metavar="NAME", help="as the server calls it")
    model.add_argument("--temperature", type=number(0.0, 2.0), default=0.7, metavar="T")
    most = "the most a reply may have"
    model.add_argument(
        "--max-reply-tokens", type=whole(1), default=max_reply_tokens, metavar="N", help=most
    )
    tries = "requests for one thing, where replies are of no use (default 3)"
    model.add_argument("--tries", type=whole(1), default=3, metavar="N", help=tries)
    model.add_argument("--timeout", type=number(0.1, 86400.0), default=120.0, metavar="SECONDS")
    once = "requests at a time (default 4)"
    model.add_argument("--at-a-time", type=whole(1), default=4, metavar="N", help=once)
    model.add_argument("--seed", type=whole(0), default=0, metavar="N", help="of every draw")
    cost = parser.add_argument_group("cost")
    million = "of a million {} tokens, in whatever currency"
    cost.add_argument(
        "--price-in", type=number(0.0), default=0.0, metavar="P", help=million.format("prompt")
    )
    cost.add_argument(
        "--price-out", type=number(0.0), default=0.0, metavar="P", help=million.format("reply")
    )
    limit = "stop before more tokens than this are spent"
    cost.add_argument("--max-tokens-spent", type=whole(1), metavar="N", help=limit)
    cost.add_argument("--budget", type=number(0.0), metavar="MONEY", help="stop before it is spent")
    cost.add_argument("--plan", action="store_true", help="only tell what it would ask and cost")


def check(options: argparse.Namespace, faults: Sequence[str]) -> None:
    """Raises ValueError with all that is wrong with the flags, `faults` among it."""
    found = [*faults, *([] if options.plan else _model_faults(options))]
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


def _model_faults(options: argparse.Namespace) -> list[str]:
    faults = [f"--{name}: is needed" for name in ("url", "model") if not vars(options)[name]]
    if options.url:
        try:
            checked_url(options.url, "--url")
        except ValueError as error:
            faults.append(str(error))
    if options.budget is not None and not options.price_in + options.price_out:
        faults.append("--budget: needs --price-in and --price-out, the prices of a million tokens")
    return faults


def client_of(options: argparse.Namespace, spent: Tokens) -> Client:
    """The endpoint, with what was spent on this file before. Raises ValueError for a bad key."""
    endpoint = Endpoint(checked_url(options.url, "--url"), options.model, KEY)
    meter = Meter(limit_of(options), spent)
    return Client(endpoint, meter=meter, tries=options.tries, timeout=options.timeout)


def limit_of(options: argparse.Namespace) -> Limit:
    return Limit(options.max_tokens_spent, options.budget, options.price_in, options.price_out)


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
