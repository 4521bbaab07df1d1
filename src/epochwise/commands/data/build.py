"""`epochwise data build`: rows from documents, with their cost told before and after."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from epochwise.arguments import number, whole
from epochwise.endpoint import Limit, Tokens
from epochwise.evaluate.refusal import read_refusals
from epochwise.make.build import Recipe, Writer, build
from epochwise.make.built import UNANSWERABLE, Built, Manner, built
from epochwise.make.documents import Document, documents
from epochwise.make.flags import (
    BYTES_PER_TOKEN,
    DONE,
    STOPPED,
    add_prompt_flags,
    bar,
    check,
    check_installed,
    digest,
    guarded,
    language_code,
    said,
    tell_plan,
    told_cost,
)
from epochwise.make.journal import Journal, journal_of
from epochwise.make.model import DECIDING, add_model_flags, limit_of, model_of
from epochwise.make.prompt import Prompts, read_prompts, shipped
from epochwise.make.windows import Span, Window, windows

PAIR_TOKENS = 60  # of a reply, for each question with its answer
TOLD = 8  # reasons


def run(arguments: Sequence[str]) -> int:
    """Rows from documents: a model writes them, and each answer is held against its passage."""
    options = _flags(arguments)
    if options.show_prompt:
        print(shipped("build", options.reply).read_text(encoding="utf-8"), end="")
        return DONE
    return guarded(lambda: _checked_and_carried_out(options))


def _checked_and_carried_out(options: argparse.Namespace) -> int:
    check_installed("build")
    check(options, _faults(options))
    return _carry_out(options)


def paraphrases_of(out: Path) -> Path:
    """The file beside OUT that holds the questions for evaluation."""
    return out.with_name(f"{out.stem}.paraphrases.jsonl")


def _carry_out(options: argparse.Namespace) -> int:
    prompts = read_prompts(options.prompt or shipped("build", options.reply))
    sources = documents(options.documents)
    passages = _limited(windows(sources, _span(options)), options.limit)
    recipe = _recipe(options)
    if options.plan:
        tell_plan("windows", len(passages), _foreseen(passages, prompts, recipe), options)
        return DONE
    with journal_of(options.out, _settings(options, sources, prompts)) as journal:
        manner = Manner(options.source_in_prompt, options.refusal)
        before = built(journal.entries, passages, manner)
        left = len(passages) - before.windows
        ahead = _ahead(before, _foreseen(passages, prompts, recipe), left, len(passages))
        _tell_ahead(ahead, left, len(passages), limit_of(options))
        try:
            done = _ask(options, journal, passages, (prompts, recipe), before.spent)
        finally:
            found = built(journal.entries, passages, manner)
            journal.publish(options.out, found.rows)
            if options.paraphrases:
                journal.publish(paraphrases_of(options.out), found.paraphrases)
    _tell(found, options, len(passages))
    return DONE if done else STOPPED


def _ask(
    options: argparse.Namespace,
    journal: Journal,
    passages: Sequence[Window],
    asked: tuple[Prompts, Recipe],
    spent: Tokens,
) -> bool:
    for file in (options.out, paraphrases_of(options.out)):
        journal.check_own(file)
    with model_of(options, spent) as model, bar() as progress:
        task = progress.add_task("windows", total=len(passages))
        return build(
            passages,
            Writer(model, *asked, read_refusals()),
            journal,
            at_a_time=options.at_a_time,
            on_window=lambda done: progress.update(task, completed=done),
        )


def _flags(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("epochwise data build", description=run.__doc__)
    known = "text, Markdown, HTML, PDF, or a folder of such"
    parser.add_argument("documents", type=Path, nargs="*", metavar="DOCUMENT", help=known)
    parser.add_argument("--out", type=Path, metavar="FILE.jsonl", help="the rows, one a line")
    cut = parser.add_argument_group("windows")
    units = "characters of a passage (tokens, with --tokenizer); default 1500"
    cut.add_argument("--size", type=whole(20), default=1500, metavar="N", help=units)
    shared = "how much of it the next one shows again (default 0)"
    cut.add_argument("--overlap", type=whole(0), default=0, metavar="N", help=shared)
    cut.add_argument("--tokenizer", type=Path, metavar="tokenizer.json", help="count its tokens")
    few = "only N windows, spread evenly over the documents"
    cut.add_argument("--limit", type=whole(1), metavar="N", help=few)
    _add_row_flags(parser.add_argument_group("rows"))
    add_model_flags(parser, max_reply_tokens=1024)
    parser.add_argument("--json", action="store_true", help="one JSON document instead of lines")
    return parser.parse_args(arguments)


def _add_row_flags(rows: Any) -> None:
    rows.add_argument("--pairs", type=whole(1), default=4, metavar="N", help="of each window (4)")
    spoken = "of questions and answers, as ISO 639-1 code; default: the window's"
    rows.add_argument("--language", type=language_code, metavar="CODE", help=spoken)
    others = "other wordings of each question, in FILE.paraphrases.jsonl for evaluation"
    rows.add_argument("--paraphrases", type=whole(0), default=0, metavar="N", help=others)
    twins = "of rows whose question the passage does not answer, and the answer is a refusal"
    rows.add_argument(
        "--unanswerable", type=number(0.0, 0.9), default=0.0, metavar="SHARE", help=twins
    )
    rows.add_argument("--refusal", metavar="TEXT", help="the answer to those")
    named = "put the document's name into each row's input"
    rows.add_argument("--source-in-prompt", action="store_true", help=named)
    add_prompt_flags(rows)


def _faults(options: argparse.Namespace) -> list[str]:
    faults = [] if options.documents else ["give the documents: epochwise data build DOCUMENT ..."]
    if options.overlap >= options.size:
        faults.append(f"--overlap {options.overlap}: must be less than --size {options.size}")
    if options.tokenizer and not options.tokenizer.is_file():
        faults.append(f"--tokenizer {options.tokenizer}: there is no such file")
    return faults


def _span(options: argparse.Namespace) -> Span:
    return Span(options.size, options.overlap, options.tokenizer)


def _recipe(options: argparse.Namespace) -> Recipe:
    return Recipe(
        pairs=options.pairs,
        form=options.reply,
        language=options.language,
        paraphrases=options.paraphrases,
        unanswerable=options.unanswerable,
        temperature=options.temperature,
        max_reply_tokens=options.max_reply_tokens,
        seed=options.seed,
    )


def _settings(
    options: argparse.Namespace, sources: Sequence[Document], prompts: Prompts
) -> dict[str, Any]:
    """All that decides the rows, as the user has said it."""
    flags = (
        *("size", "overlap", "limit", "pairs", "language", "paraphrases", "unanswerable"),
        *("refusal", "source_in_prompt", "reply", *DECIDING),
    )
    tokenizer = options.tokenizer.read_bytes() if options.tokenizer else b""
    return said(options, flags) | {
        "documents": {one.name: digest(one.text.encode()) for one in sources},
        "--tokenizer": digest(tokenizer) if tokenizer else None,
        "--prompt": digest(dict(prompts)),
    }


def _limited(passages: list[Window], limit: int | None) -> list[Window]:
    count = min(limit or len(passages), len(passages))
    return [passages[turn * len(passages) // count] for turn in range(count)]


def _foreseen(passages: Sequence[Window], prompts: Prompts, recipe: Recipe) -> Tokens:
    """What all windows will take, if every reply is of use at once; roughly."""
    text = sum(len(one.text.encode()) for one in passages) // BYTES_PER_TOKEN
    frame = {kind: len(one.encode()) // BYTES_PER_TOKEN for kind, one in prompts.items()}
    twins = recipe.pairs * recipe.unanswerable / (1 - recipe.unanswerable)
    prompt = text + frame["pairs"] * len(passages)
    reply = recipe.pairs * PAIR_TOKENS * len(passages)
    if recipe.paraphrases:
        prompt += (frame["paraphrases"] + recipe.pairs * PAIR_TOKENS // 2) * len(passages)
        reply += recipe.pairs * recipe.paraphrases * PAIR_TOKENS // 2 * len(passages)
    if twins:
        prompt += round((1 + twins) * (text + frame["check"] * len(passages)))
        reply += round(twins * PAIR_TOKENS * len(passages))
    return Tokens(prompt, reply)


def _ahead(before: Built, foreseen: Tokens, left: int, total: int) -> Tokens:
    """What is still to come: as foreseen, or as much a window as it took so far."""
    per = before.spent if before.windows else foreseen
    windows_of = before.windows or total
    return Tokens(per.prompt * left // windows_of, per.reply * left // windows_of)


def _tell_ahead(ahead: Tokens, left: int, total: int, limit: Limit) -> None:
    print(f"{left} of {total} windows to do: about {told_cost(ahead, limit)}", file=sys.stderr)


def _tell(found: Built, options: argparse.Namespace, total: int) -> None:
    limit = limit_of(options)
    if found.windows < total:
        print(
            f"the limit on what may be spent is reached after {found.windows} of {total} windows:"
            " raise it and give the same command again to go on",
            file=sys.stderr,
        )
    if options.json:
        print(json.dumps(_document(found, options, total), indent=2, ensure_ascii=False))
        return
    twins = sum(row["kind"] == UNANSWERABLE for row in found.rows)
    print(f"{len(found.rows)} rows of {found.windows} windows; {twins} of them unanswerable")
    print(f"{found.empty} windows gave no row; left out {sum(found.left_out.values())}:")
    for reason, count in list(found.left_out.items())[:TOLD]:
        print(f"  {count:5} {reason}")
    print(f"spent {told_cost(found.spent, limit)}")
    if options.paraphrases:
        print(f"{len(found.paraphrases)} paraphrases: {paraphrases_of(options.out)}")
    print(options.out)


def _document(found: Built, options: argparse.Namespace, total: int) -> dict[str, Any]:
    return {
        "out": str(options.out),
        "rows": len(found.rows),
        "unanswerable": sum(row["kind"] == UNANSWERABLE for row in found.rows),
        "paraphrases": len(found.paraphrases),
        "windows": total,
        "windows_done": found.windows,
        "windows_empty": found.empty,
        "left_out": found.left_out,
        "tokens": found.spent._asdict(),
        "cost": limit_of(options).cost(found.spent),
    }
