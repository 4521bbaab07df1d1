"""The model that writes rows, as its flags say: of a server, or of this machine."""

import argparse
from typing import get_args

from rich.console import Console

from epochwise.arguments import number, whole
from epochwise.compose.machine import model_problem
from epochwise.config import ModelConfig, Weights
from epochwise.endpoint import Client, Endpoint, Limit, Meter, Model, Tokens, checked_url

KEY = "EPOCHWISE_LLM_KEY"  # of its own, so that no other service's key is sent along
DECIDING = (  # the flags below that decide what is written
    *("model", "weights", "template", "no_thinking", "temperature", "max_reply_tokens"),
    *("tries", "seed"),
)
NAMED = "as the server at --url calls it, or a folder, a file or hub:OWNER/NAME of this machine"
SHIPPED = tuple(
    one for one in get_args(ModelConfig.model_fields["template"].annotation) if one != "own"
)


def add_model_flags(parser: argparse.ArgumentParser, *, max_reply_tokens: int) -> None:
    keyed = f"its key is read from {KEY} and nowhere else"
    model = parser.add_argument_group("the model", f"of a server, or of this machine; {keyed}")
    server = "an OpenAI-compatible address, such as http://127.0.0.1:8000/v1; without it the model"
    model.add_argument("--url", help=f"{server} runs on this machine")
    named = "as the server calls it; of this machine: a folder, a .gguf file, package:NAME/FILE or"
    model.add_argument("--model", metavar="NAME", help=f"{named} hub:OWNER/NAME[@REVISION]")
    stored = "of a model of this machine: how its weights are stored (default bf16)"
    model.add_argument("--weights", choices=get_args(Weights), help=stored)
    without = "of a model of this machine that has no chat template: ours"
    model.add_argument("--template", choices=SHIPPED, help=without)
    quiet = "of a model of this machine: tell its template to write no thoughts (Qwen3, GLM)"
    model.add_argument("--no-thinking", action="store_const", const=True, help=quiet)
    model.add_argument("--temperature", type=number(0.0, 2.0), default=0.7, metavar="T")
    most = "the most a reply may have"
    model.add_argument(
        "--max-reply-tokens", type=whole(1), default=max_reply_tokens, metavar="N", help=most
    )
    tries = "requests for one thing, where replies are of no use (default 3)"
    model.add_argument("--tries", type=whole(1), default=3, metavar="N", help=tries)
    model.add_argument("--timeout", type=number(0.1, 86400.0), default=120.0, metavar="SECONDS")
    once = "requests at a time (default 4), which a model of this machine answers together"
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
    faults = [] if options.model else [f"--model: is needed, {NAMED}"]
    if options.url:
        try:
            checked_url(options.url, "--url")
        except ValueError as error:
            faults.append(str(error))
        faults += [
            f"--{name.replace('_', '-')}: is for a model of this machine; leave out --url"
            for name in ("weights", "template", "no_thinking")
            if vars(options)[name]
        ]
    elif options.model and (problem := model_problem(_config(options))):
        reason = problem.removeprefix(f"model.path={options.model}: ")
        faults.append(f"--model {options.model}: {reason}; where a server has it, give --url")
    if options.budget is not None and not options.price_in + options.price_out:
        faults.append("--budget: needs --price-in and --price-out, the prices of a million tokens")
    return faults


def model_of(options: argparse.Namespace, spent: Tokens) -> Model:
    """Whom to ask, with what was spent on this file before.

    Raises:
        ValueError: A bad key, or a model that cannot be loaded.
    """
    return _server(options, spent) if options.url else _local(options, spent)


def _server(options: argparse.Namespace, spent: Tokens) -> Model:
    endpoint = Endpoint(checked_url(options.url, "--url"), options.model, KEY)
    meter = Meter(limit_of(options), spent)
    return Client(endpoint, meter=meter, tries=options.tries, timeout=options.timeout)


def _local(options: argparse.Namespace, spent: Tokens) -> Model:
    with Console(stderr=True).status(f"loading {options.model}"):
        from epochwise.evaluate.generate import Manner
        from epochwise.make.local import Local, loaded

        config = _config(options)
        manner = Manner(
            options.max_reply_tokens,
            options.at_a_time,
            bf16=config.weights != "fp32",
            temperature=options.temperature,
        )
        meter = Meter(limit_of(options), spent)
        return Local(config.path, loaded(config), manner, meter=meter, tries=options.tries)


def _config(options: argparse.Namespace) -> ModelConfig:
    return ModelConfig(
        name="local",
        path=options.model,
        weights=options.weights or "bf16",
        template=options.template or "own",
        thinking=False if options.no_thinking else None,
    )


def limit_of(options: argparse.Namespace) -> Limit:
    return Limit(options.max_tokens_spent, options.budget, options.price_in, options.price_out)
