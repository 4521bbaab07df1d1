"""How long prompts and answers are in tokens, and what data.max_tokens takes away."""

from collections.abc import Callable, Sequence
from random import Random
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Int64
from transformers import PreTrainedTokenizerBase

from epochwise.config import DataConfig
from epochwise.data.check.finding import Finding, Severity, first_places, shown
from epochwise.data.check.wording import Wording
from epochwise.data.order import cut
from epochwise.data.problems import DataError
from epochwise.data.tokens import Example, Manner, examples

MOST = 20_000  # rows that are tokenised; of more a sample, and shares are known to 0.7 points
AT_ONCE = 1000
BARS = 24
MASKED = "no token that could carry loss"  # as data.tokens says it
WHOLE = 240  # characters of a problem


class Lengths(NamedTuple):
    """Arrays run parallel: one entry a tokenised row."""

    row: Int64[np.ndarray, " rows"]
    prompt: Int64[np.ndarray, " rows"]
    answer: Int64[np.ndarray, " rows"]
    """Tokens that carry loss, the end-of-turn token among them."""
    refused: list[str]
    """Rows that the chat template does not take, and why."""
    distinct: int
    """Different tokens that occur."""
    vocabulary: int

    @property
    def total(self) -> Int64[np.ndarray, " rows"]:
        total: Int64[np.ndarray, " rows"] = self.prompt + self.answer
        return total


class Histogram(NamedTuple):
    edges: list[int]
    counts: list[int]
    """Rows from an edge on, up to the next."""


def lengths(
    rows: Sequence[Wording],
    tokenizer: PreTrainedTokenizerBase,
    data: DataConfig,
    on_row: Callable[[int], None] = lambda count: None,
) -> Lengths:
    """As training tokenises the rows, before anything is done about those over data.max_tokens."""
    sample = sorted(Random(0).sample(range(len(rows)), min(MOST, len(rows))))
    measured: list[tuple[int, int, int]] = []
    refused: list[str] = []
    used = np.zeros(len(tokenizer), bool)
    for some in cut(sample, AT_ONCE):
        taken, made = _taken(some, rows, tokenizer, data.turns, refused)
        for row, one in zip(taken, made, strict=True):
            measured.append((row, len(one.ids) - one.tokens, one.tokens))
            used[one.ids] = True
        on_row(len(some))
    table = np.array(measured, np.int64).reshape(-1, 3)
    return Lengths(table[:, 0], table[:, 1], table[:, 2], refused, int(used.sum()), len(tokenizer))


def _taken(
    some: Sequence[int],
    rows: Sequence[Wording],
    tokenizer: PreTrainedTokenizerBase,
    turns: Literal["all", "last"],
    refused: list[str],
) -> tuple[Sequence[int], list[Example]]:
    """Those of the rows that the chat template takes; what is wrong with the others is noted."""
    manner = Manner("response", turns)
    try:
        return some, examples([rows[row].row for row in some], tokenizer, manner)
    except DataError as error:
        refused += error.problems
        good = [row for row in some if not _is_named(rows[row].place, error.problems)]
        return good, examples([rows[row].row for row in good], tokenizer, manner)


def _is_named(place: str, problems: Sequence[str]) -> bool:
    return any(problem.startswith(f"{place}: ") for problem in problems)


def histogram(values: Int64[np.ndarray, " rows"]) -> Histogram:
    """Equal bars from 0 to the 99th percentile; longer rows stand in the last."""
    top = max(BARS, int(np.percentile(values, 99)) + 1) if len(values) else BARS
    width = -(-top // BARS)
    edges = [width * bar for bar in range(BARS)]
    counts = np.bincount(np.minimum(values // width, BARS - 1), minlength=BARS)
    return Histogram(edges, counts.tolist())


def length_findings(rows: Sequence[Wording], found: Lengths, data: DataConfig) -> list[Finding]:
    return [_refused(found), _too_long(rows, found, data), _nothing_scored(rows, found)]


def lost(found: Lengths, max_tokens: int) -> float:
    """Share of answer tokens that a cut after max_tokens would take."""
    beyond = np.clip(found.total - max_tokens, 0, found.answer)
    return float(beyond.sum() / max(1, found.answer.sum()))


def _too_long(rows: Sequence[Wording], found: Lengths, data: DataConfig) -> Finding:
    over = np.flatnonzero(found.total > data.max_tokens)
    severities: dict[str, Severity] = {"error": "error", "drop": "warning"}  # else a note
    longest = int(found.total.max(initial=0))
    answers = found.answer[over].sum() / max(1, found.answer.sum())
    return Finding(
        "too_long",
        severities.get(data.too_long, "note"),
        len(over),
        f"{_of(rows, found)}rows are over data.max_tokens={data.max_tokens}: a cut there would lose"
        f" {lost(found, data.max_tokens):.1%} of all answer tokens; these rows hold {answers:.1%}",
        f"data.too_long={data.too_long} decides what happens to them; data.max_tokens={longest}"
        " takes all",
        first_places(
            f"{rows[found.row[at]].place}: {found.prompt[at]} + {found.answer[at]} tokens"
            for at in over
        ),
        len(over) / max(1, len(found.row)),
    )


def _nothing_scored(rows: Sequence[Wording], found: Lengths) -> Finding:
    bare = [rows[found.row[at]].place for at in np.flatnonzero(found.answer <= 1)]  # its end alone
    masked = [problem for problem in found.refused if MASKED in problem]
    return Finding(
        "nothing_scored",
        "error",
        len(bare) + len(masked),
        f"{_of(rows, found)}rows have no answer token that carries loss",
        "they teach nothing but to stop: give them an answer or remove them",
        first_places([*bare, *masked]),
        (len(bare) + len(masked)) / max(1, len(found.row) + len(found.refused)),
    )


def _refused(found: Lengths) -> Finding:
    refused = [shown(problem, WHOLE) for problem in found.refused if MASKED not in problem]
    return Finding(
        "refused_by_template",
        "error",
        len(refused),
        "rows cannot be written in the model's chat template",
        "set model.template=alpaca|chatml|llama2|plain, or mend the rows",
        first_places(refused),
    )


def _of(rows: Sequence[Wording], found: Lengths) -> str:
    tokenised = len(found.row) + len(found.refused)
    return f"of {tokenised:,} sampled " if tokenised < len(rows) else ""
