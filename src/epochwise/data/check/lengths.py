"""How long prompts and answers are in tokens, and what data.max_tokens takes away."""

from collections.abc import Callable, Sequence
from random import Random
from typing import NamedTuple

import numpy as np
from jaxtyping import Int64
from transformers import PreTrainedTokenizerBase

from epochwise.config import DataConfig
from epochwise.data.check.finding import Finding, Place, Severity, first_places
from epochwise.data.check.reading import Reading
from epochwise.data.problems import DataError
from epochwise.data.tokens import example

MOST = 20_000  # rows that are tokenised; of more a sample, and shares are known to 0.7 points
BARS = 24


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
    rows: Sequence[Reading],
    tokenizer: PreTrainedTokenizerBase,
    on_row: Callable[[int], None] = lambda count: None,
) -> Lengths:
    sample = sorted(Random(0).sample(range(len(rows)), min(MOST, len(rows))))
    measured: list[tuple[int, int, int]] = []
    refused: list[str] = []
    used = np.zeros(len(tokenizer), bool)
    for row in sample:
        try:
            made = example(rows[row].row, tokenizer, train_on="response")
        except DataError as error:
            refused += error.problems
        else:
            measured.append((row, made.scored_from, len(made.ids) - made.scored_from))
            used[np.asarray(made.ids)] = True
        on_row(1)
    table = np.array(measured, np.int64).reshape(-1, 3)
    return Lengths(table[:, 0], table[:, 1], table[:, 2], refused, int(used.sum()), len(tokenizer))


def histogram(values: Int64[np.ndarray, " rows"]) -> Histogram:
    """Equal bars from 0 to the 99th percentile; longer rows stand in the last."""
    top = max(BARS, int(np.percentile(values, 99)) + 1) if len(values) else BARS
    width = -(-top // BARS)
    edges = [width * bar for bar in range(BARS)]
    counts = np.bincount(np.minimum(values // width, BARS - 1), minlength=BARS)
    return Histogram(edges, counts.tolist())


def length_findings(rows: Sequence[Reading], found: Lengths, data: DataConfig) -> list[Finding]:
    return [_refused(found), _too_long(rows, found, data), _nothing_scored(rows, found)]


def lost(found: Lengths, max_tokens: int) -> float:
    """Share of answer tokens that a cut after max_tokens would take."""
    beyond = np.clip(found.total - max_tokens, 0, found.answer)
    return float(beyond.sum() / max(1, found.answer.sum()))


def _too_long(rows: Sequence[Reading], found: Lengths, data: DataConfig) -> Finding:
    over = np.flatnonzero(found.total > data.max_tokens)
    severities: dict[str, Severity] = {"error": "error", "drop": "warning"}
    longest = int(found.total.max(initial=0))
    answers = found.answer[over].sum() / max(1, found.answer.sum())
    return Finding(
        "too_long",
        severities.get(data.too_long, "warning"),
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


def _nothing_scored(rows: Sequence[Reading], found: Lengths) -> Finding:
    bare = np.flatnonzero(found.answer <= 1)  # the end-of-turn token alone
    return Finding(
        "nothing_scored",
        "error",
        len(bare),
        f"{_of(rows, found)}rows have no answer token that carries loss",
        "they teach nothing but to stop: give them an answer or remove them",
        first_places(Place(rows[found.row[at]].place) for at in bare),
        len(bare) / max(1, len(found.row)),
    )


def _refused(found: Lengths) -> Finding:
    return Finding(
        "refused_by_template",
        "error",
        len(found.refused),
        "rows cannot be written in the model's chat template",
        "set model.template=alpaca|chatml, or mend the rows",
        first_places(found.refused),
    )


def _of(rows: Sequence[Reading], found: Lengths) -> str:
    tokenised = len(found.row) + len(found.refused)
    return f"of {tokenised:,} sampled " if tokenised < len(rows) else ""
