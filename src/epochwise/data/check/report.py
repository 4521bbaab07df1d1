"""All that is to be said about a data set: every finding, and what it is made of."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from transformers import PreTrainedTokenizerBase

from epochwise.config import DataConfig
from epochwise.data.check import repeats
from epochwise.data.check.contradictions import contradiction_finding
from epochwise.data.check.finding import Finding
from epochwise.data.check.kin import Kin, kin
from epochwise.data.check.languages import SAMPLE, language_findings, languages
from epochwise.data.check.leaks import leak_findings, leaks
from epochwise.data.check.lengths import (
    MOST,
    Histogram,
    Lengths,
    histogram,
    length_findings,
    lengths,
)
from epochwise.data.check.markers import marker_findings
from epochwise.data.check.privacy import privacy_findings
from epochwise.data.check.unread import unread_findings
from epochwise.data.check.wording import Wording, wordings
from epochwise.data.problems import DataError, Problems
from epochwise.data.rows import Readable, readable
from epochwise.data.split import split_for

SHARES = 20  # kinds and sources that are named
Stage = Callable[[str, int], Callable[[int], None]]
"""Told the name of a stage and its number of rows; gives back what is told of rows done."""


def silent(stage: str, rows: int) -> Callable[[int], None]:
    return lambda count: None


class Tokens(NamedTuple):
    """Answer tokens, counted as training counts them; estimated where rows were sampled."""

    answer: int
    distinct_share: float
    """Of answer tokens, in rows that repeat no other, not even nearly."""
    epochs_worth: float
    """Distinct answer tokens, in passes over data.size rows."""
    passes: float
    """How often train.epochs passes show each distinct token."""
    vocabulary_share: float
    """Of the tokenizer's tokens, that occur in the tokenised rows."""


@dataclass(frozen=True)
class Report:
    path: str
    tokenizer: str
    rows: int
    """That could be read."""
    test_rows: int
    tokenised: int
    findings: tuple[Finding, ...]
    prompt_tokens: Histogram
    answer_tokens: Histogram
    max_tokens: int
    languages: dict[str, int]
    kinds: dict[str, int]
    sources: dict[str, int]
    """The largest, of a mixture its own; the empty name stands for rows without, `...` for all
    others."""
    tokens: Tokens

    def json(self) -> dict[str, Any]:
        plain = asdict(self)
        for name in ("prompt_tokens", "answer_tokens", "tokens"):
            plain[name] = getattr(self, name)._asdict()  # asdict keeps named tuples
        return plain


class Subject(NamedTuple):
    """What is checked, as far as several findings need it."""

    data: DataConfig
    found: Readable
    tests: Readable
    every: list[Wording]
    """All rows, then all test rows."""
    related: Kin

    @property
    def rows(self) -> list[Wording]:
        return self.every[: len(self.found.rows)]


def subject(data: DataConfig, test: Path | None, stage: Stage = silent) -> Subject:
    """The rows of `data`, those of the file `test`, and which of them ask nearly the same.

    Raises:
        DataError: Nothing can be read at all.
    """
    found = readable(data)
    tests = _tests(data, test) if test else Readable([], Problems())
    count = len(found.rows) + len(tests.rows)
    every = wordings(found.rows + tests.rows, stage("normalising texts", count))
    related = kin(every, stage("looking for near duplicates", 2 * count))
    return Subject(data, found, tests, every, related)


def _tests(data: DataConfig, file: Path) -> Readable:
    try:
        return readable(data.model_copy(update={"path": str(file), "sources": None}))
    except DataError as error:
        named = [problem.replace("data.path=", "--test ", 1) for problem in error.problems]
        raise DataError(named) from error


def check(
    looked_at: Subject, tokenizer: PreTrainedTokenizerBase, *, epochs: int, stage: Stage = silent
) -> Report:
    """Everything that is found.

    Args:
        epochs: Passes that training would make.
    """
    data, found, tests, every, related = looked_at
    rows = looked_at.rows
    spoken = languages(rows, stage("telling languages", min(len(rows), SAMPLE)))
    long = lengths(rows, tokenizer, data, stage("counting tokens", min(len(rows), MOST)))
    findings = [
        *unread_findings([found.problems, tests.problems]),
        *repeats.repeat_findings(rows, related),
        *_leak_findings(looked_at),
        contradiction_finding(rows),
        *length_findings(rows, long, data),
        *language_findings(rows, spoken),
        *marker_findings(rows, tokenizer),
        *privacy_findings(rows),
    ]
    return Report(
        path=data.path,
        test_rows=len(tests.rows),
        tokenizer=Path(tokenizer.name_or_path).name,
        rows=len(rows),
        tokenised=len(long.row),
        findings=tuple(findings),
        prompt_tokens=histogram(long.prompt),
        answer_tokens=histogram(long.answer),
        max_tokens=data.max_tokens,
        languages=spoken.answers,
        kinds=_shares(each.row.kind for each in rows),
        sources=_shares(each.row.origin or each.row.source for each in rows),
        tokens=_tokens(rows, related, long, data, epochs),
    )


def _leak_findings(looked_at: Subject) -> list[Finding]:
    """Validation rows against the training rows of this size; test rows against all rows."""
    data, found, tests, every, related = looked_at
    findings: list[Finding] = []
    try:
        parts = split_for(data, found.rows)
    except ValueError as error:
        findings.append(_too_few(str(error)))
    else:
        seen = leaks(every, parts.val, parts.train, related)
        regroup = "give such rows one `source`, which stays on one side; or remove some: --fix"
        findings += leak_findings(every, seen, len(parts.val), of="validation", remedy=regroup)
    if tests.rows:
        held_out = range(len(found.rows), len(every))
        seen = leaks(every, held_out, range(len(found.rows)), related)
        remove = "remove these training rows, as --fix does, or take other test rows"
        findings += leak_findings(every, seen, len(held_out), of="test", remedy=remove)
    return findings


def _too_few(shortage: str) -> Finding:
    return Finding("too_few_rows", "error", 1, shortage, "training would stop here")


def _tokens(
    rows: Sequence[Wording], related: Kin, found: Lengths, data: DataConfig, epochs: int
) -> Tokens:
    repeated = repeats.normalised(rows).keys() | repeats.near(rows, related).keys()
    is_first = np.array([row not in repeated for row in found.row.tolist()], bool)
    mean = float(found.answer.mean()) if len(found.row) else 0.0
    share = float(found.answer[is_first].sum() / max(1, found.answer.sum()))
    answer = mean * len(rows)
    worth = share * answer / max(1.0, mean * data.size)
    return Tokens(
        answer=round(answer),
        distinct_share=share,
        epochs_worth=worth,
        passes=epochs / max(share, 1e-9) if share else 0.0,
        vocabulary_share=found.distinct / found.vocabulary,
    )


def _shares(names: Iterable[str]) -> dict[str, int]:
    counts = Counter(names)
    largest = dict(counts.most_common(SHARES))
    rest = counts.total() - sum(largest.values())
    return largest | ({"...": rest} if rest else {})
