"""What `data build` and `data grow` are both told: which model, how much, how fast."""

import argparse
import math
from collections.abc import Callable
from pathlib import Path

from epochwise.endpoint import Client, Endpoint, Limit, Meter, Tokens, checked_url

KEY = "EPOCHWISE_LLM_KEY"  # of its own, so that no other service's key is sent along
NEEDS = {
    "rouge_score": "rouge-score",
    "py3langid": "py3langid",
    "semantic_text_splitter": "semantic-text-splitter",
    "inscriptis": "inscriptis",
    "pypdf": "pypdf",
}


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


def model_faults(options: argparse.Namespace) -> list[str]:
    """What is wrong with the flags together."""
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


def check_out(out: Path) -> None:
    """Raises ValueError for a name under which no rows would be found again."""
    if out.suffix != ".jsonl":
        raise ValueError(f"--out {out}: must end in .jsonl, as it holds one row a line")
    if out.is_dir():
        raise ValueError(f"--out {out}: is a folder; give a file in it, such as {out}/rows.jsonl")


def language_code(text: str) -> str:
    try:
        import py3langid  # type: ignore[import-untyped]
    except ImportError:
        return text  # check_installed says what is missing
    known = sorted(code for code, _ in py3langid.rank("a"))
    if text not in known:
        raise argparse.ArgumentTypeError(f"{text}: expected one of {', '.join(known)}")
    return text


def whole(low: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not text.isdecimal() or int(text) < low:
            raise argparse.ArgumentTypeError(f"{text}: must be a whole number, {low} or more")
        return int(text)

    return read


def number(low: float, high: float = math.inf) -> Callable[[str], float]:
    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not low <= value <= high or math.isinf(value):
            bound = f"{low:g} or more" if math.isinf(high) else f"from {low:g} to {high:g}"
            raise argparse.ArgumentTypeError(f"{text}: must be a number, {bound}")
        return value

    return read
