"""`epochwise data grow`: many rows from about fifty, in rounds that a person looks through."""

import argparse
import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from epochwise.arguments import whole
from epochwise.data.language import language
from epochwise.endpoint import JSON, Tokens
from epochwise.evaluate.refusal import read_refusals
from epochwise.make.diversity import diversity
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
from epochwise.make.grow import Author, Manner, grow, replay, unreviewed
from epochwise.make.journal import Journal, journal_of
from epochwise.make.model import DECIDING, add_model_flags, limit_of, model_of
from epochwise.make.pool import Pool, question
from epochwise.make.prompt import Prompts, read_prompts, shipped
from epochwise.make.review import ReviewServer, read_review, write_review

ROUNDS = "20,200"  # rows after which a person looks: few first, as a bad prompt shows at once
FEW_SEEDS = 20
NEW = 0.8  # of the rows that come back are new, as far as can be foreseen
SHOWN = 8  # examples in a prompt


def run(arguments: Sequence[str]) -> int:
    """Many rows from a few: a model writes more of the kind, a person marks the bad ones."""
    options = _flags(arguments)
    ours = shipped("grow", options.reply)
    if options.show_prompt:
        print(ours.read_text(encoding="utf-8"), end="")
        return DONE
    return guarded(lambda: _checked_and_carried_out(options, ours))


def _checked_and_carried_out(options: argparse.Namespace, ours: Path) -> int:
    check_installed("grow")
    check(options, [] if options.seeds else ["give your seed rows: epochwise data grow SEEDS ..."])
    return _carry_out(options, read_prompts(options.prompt or ours, ("rows",)))


def _carry_out(options: argparse.Namespace, prompts: Prompts) -> int:
    seeds = _seeds(options.seeds)
    pool = Pool(seeds, read_refusals())
    if options.plan:
        tell_plan("rows", options.count, _foreseen(pool, prompts, options), options)
        return DONE
    manner = _manner(options, seeds)
    with journal_of(options.out, _settings(options, seeds, prompts)) as journal:
        journal.check_own(options.out)
        replay(pool, journal, options.at_a_time)
        spent = _spent(journal)
        ahead = _foreseen(pool, prompts, options)
        print(f"about {told_cost(ahead, limit_of(options))} to come", file=sys.stderr)
        try:
            with model_of(options, spent) as model:
                stopped = _rounds(pool, Author(model, prompts, manner), journal, options)
        finally:
            journal.publish(options.out, pool.good[: options.count])
        spent = _spent(journal)
    _tell(pool, spent, stopped, options)
    return STOPPED if stopped.why and stopped.review is None else DONE


class Stop(NamedTuple):
    """Why no more rows were made; empty where all were."""

    why: str
    review: Path | None = None
    """The file that a person is to look through."""


def _rounds(pool: Pool, author: Author, journal: Journal, options: argparse.Namespace) -> Stop:
    """Grow round by round, each but the last looked through."""
    held = {entry["round"] for entry in journal.entries if "round" in entry}
    early = [] if options.review == "none" else options.rounds
    for target in [target for target in early if target < options.count]:
        if target in held:
            continue
        if stopped := _grown(pool, author, journal, target):
            return Stop(stopped)
        marks = _reviewed(pool, journal, target, options)
        if marks is None:
            file = _review_file(options.out, target)
            return Stop(f"{file}: fill in `bad`, with the reason, where a row is bad", file)
        journal.add({"round": target, "marks": marks, "reviewed": len(pool.rows)})
        pool.mark(marks)
    return Stop(_grown(pool, author, journal, options.count))


def _grown(pool: Pool, author: Author, journal: Journal, target: int) -> str:
    with bar() as progress:
        task = progress.add_task("rows", total=target, completed=len(pool.good))
        return grow(
            pool,
            author,
            journal,
            target=target,
            on_rows=lambda count: progress.update(task, completed=count),
        )


def _reviewed(
    pool: Pool, journal: Journal, target: int, options: argparse.Namespace
) -> dict[int, str] | None:
    """What a person has marked; None where that is still to be done, in a file."""
    numbers = [number for number in unreviewed(pool, journal) if number not in pool.bad]
    rows = {number: pool.rows[number] for number in numbers}
    if options.review == "page":
        with ReviewServer(rows) as server:
            print(f"mark the bad rows at {server.url}", file=sys.stderr)
            return server.wait()
    file = _review_file(options.out, target)
    if file.exists():
        return read_review(file, numbers)
    write_review(file, rows)
    return None


def _review_file(out: Path, target: int) -> Path:
    return out.with_name(f"{out.stem}.review-{target}.jsonl")


def _flags(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("epochwise data grow", description=run.__doc__)
    known = "about 50 rows of your own: any file that training reads"
    parser.add_argument("seeds", type=Path, nargs="?", metavar="SEEDS", help=known)
    parser.add_argument("--out", type=Path, metavar="FILE.jsonl", help="the new rows, one a line")
    parser.add_argument("--count", type=whole(1), default=200, metavar="N", help="of rows (200)")
    rows = parser.add_argument_group("rows")
    each = "rows asked for in one request (default 5)"
    rows.add_argument("--per-request", type=whole(1), default=5, metavar="N", help=each)
    spoken = "of the new rows, as ISO 639-1 code; default: that of the seeds"
    rows.add_argument("--language", type=language_code, metavar="CODE", help=spoken)
    when = f"numbers of rows after which you look through them (default {ROUNDS})"
    rows.add_argument("--rounds", type=_numbers, default=_numbers(ROUNDS), metavar="N,N", help=when)
    how = "mark bad rows on a page of this machine, in a file, or not at all"
    rows.add_argument("--review", choices=("page", "file", "none"), default="page", help=how)
    add_prompt_flags(rows)
    add_model_flags(parser, max_reply_tokens=2048)
    parser.add_argument("--json", action="store_true", help="one JSON document instead of lines")
    return parser.parse_args(arguments)


def _numbers(text: str) -> list[int]:
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() and int(part) for part in parts):
        raise argparse.ArgumentTypeError(f"{text}: expected numbers of rows, such as {ROUNDS}")
    return sorted({int(part) for part in parts})


def _seeds(file: Path) -> list[JSON]:
    """The seed rows. Raises ValueError for what is no row of one question and one answer."""
    from epochwise.config import DataConfig
    from epochwise.data.rows import read

    settings = {"name": "file", "path": str(file), "format": "auto", "size": 1, "val_size": 1}
    settings |= {"seed": 0, "max_tokens": 512, "too_long": "error", "train_on": "response"}
    rows = read(DataConfig.model_validate(settings))
    faults = [
        f"{row.place}: a seed is one question and one answer, and this is a longer conversation"
        for row in rows
        if [one.role for one in row.messages if one.role != "system"] != ["user", "assistant"]
    ]
    if faults:
        raise ValueError("\n  ".join(faults))
    if len(rows) < FEW_SEEDS:
        print(f"{file}: {len(rows)} seeds are few; about 50 serve better", file=sys.stderr)
    return [
        {"instruction": row.asked.content, "input": row.asked.input, "output": row.answer}
        for row in rows
    ]


def _manner(options: argparse.Namespace, seeds: Sequence[JSON]) -> Manner:
    return Manner(
        per_request=options.per_request,
        form=options.reply,
        language=options.language or language(" ".join(question(row) for row in seeds)),
        temperature=options.temperature,
        max_reply_tokens=options.max_reply_tokens,
        seed=options.seed,
        at_a_time=options.at_a_time,
    )


def _settings(
    options: argparse.Namespace, seeds: Sequence[JSON], prompts: Prompts
) -> dict[str, Any]:
    """All that decides the rows, as the user has said it; there may always be more of them."""
    flags = ("per_request", "language", "reply", "at_a_time", *DECIDING)
    return said(options, flags) | {"seeds": digest(seeds), "--prompt": digest(dict(prompts))}


def _spent(journal: Journal) -> Tokens:
    spent = [entry["spent"] for entry in journal.entries if "spent" in entry]
    return Tokens(*spent[-1]) if spent else Tokens(0, 0)


def _foreseen(pool: Pool, prompts: Prompts, options: argparse.Namespace) -> Tokens:
    """What is still to come, if most rows are new; roughly."""
    left = max(0, options.count - len(pool.good))
    requests = math.ceil(left / (options.per_request * NEW))
    seed = len(json.dumps(pool.seeds).encode()) // BYTES_PER_TOKEN // max(1, len(pool.seeds))
    frame = len(prompts["rows"].encode()) // BYTES_PER_TOKEN
    return Tokens(requests * (frame + SHOWN * seed), requests * options.per_request * seed)


def _tell(pool: Pool, spent: Tokens, stopped: Stop, options: argparse.Namespace) -> None:
    if stopped.why:
        print(f"{stopped.why}; then give the same command again", file=sys.stderr)
    if options.json:
        print(
            json.dumps(_document(pool, spent, stopped.why, options), indent=2, ensure_ascii=False)
        )
        return
    rows = pool.good[: options.count]
    found = diversity(rows, pool.seeds)
    print(f"{len(rows)} of {options.count} rows, {len(pool.bad)} marked as bad")
    print(f"left out {sum(pool.left_out.values())} of {pool.requests} requests:")
    for reason, count in pool.left_out.most_common():
        print(f"  {count:5} {reason}")
    print(f"distinct openings {found.openings:.2f}, words {found.words:.2f}, ", end="")
    print(f"pairs of words {found.couples:.2f}; mean likeness to the nearest {found.likeness:.2f}")
    print(f"spent {told_cost(spent, limit_of(options))}")
    print(stopped.review or options.out)


def _document(pool: Pool, spent: Tokens, stopped: str, options: argparse.Namespace) -> JSON:
    rows = pool.good[: options.count]
    return {
        "out": str(options.out),
        "rows": len(rows),
        "bad": len(pool.bad),
        "requests": pool.requests,
        "left_out": dict(pool.left_out),
        "diversity": diversity(rows, pool.seeds)._asdict(),
        "tokens": spent._asdict(),
        "cost": limit_of(options).cost(spent),
        "stopped": stopped,
    }
