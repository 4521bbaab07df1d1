"""The exam of a run: its questions, and how they are asked and marked."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from epochwise.config import DataConfig, EvaluateConfig
from epochwise.data.formats import Row
from epochwise.data.prepare import row_digests
from epochwise.evaluate.question import Question
from epochwise.evaluate.question_file import questions_of
from epochwise.evaluate.questions import (
    Rows,
    first_of_each_kind,
    own_questions,
    questions_digest,
    with_examples,
)
from epochwise.evaluate.refusal import PHRASES, Refusals, read_refusals
from epochwise.evaluate.scores import check_installed, scores
from epochwise.quality import BASE, Answer
from epochwise.record import RowLosses

FORMAT = 1  # of scores and files: raised when the same answers would be marked or kept differently


@dataclass(frozen=True)
class Ask:
    """What is asked, and how; conf/evaluate/quality.yaml has the same values."""

    questions: Path | None = None
    """JSON lines of the user's own; None for the data's held-out rows."""
    limit: int = 100
    """Questions of each kind."""
    shots: int = 4
    """Examples in the prompt of the base model's second arm; 0 for no such arm."""
    max_new_tokens: int = 64
    refusals: Path = PHRASES

    @property
    def with_shots(self) -> str:
        """The name of the base model's second arm."""
        return f"{BASE} + {self.shots} shots"


class Exam(NamedTuple):
    questions: list[Question]
    examples: list[Row]
    """Training rows that the base model is shown in its second arm."""
    refusals: Refusals
    digest: str


def asked_by(evaluate: EvaluateConfig) -> Ask | None:
    """What a run's config asks for after training; None where it asks for nothing."""
    if evaluate.limit is None:
        return None
    assert evaluate.shots is not None
    assert evaluate.max_new_tokens is not None
    file = None if evaluate.questions is None else Path(evaluate.questions).expanduser()
    return Ask(file, evaluate.limit, evaluate.shots, evaluate.max_new_tokens)


def check_asked(ask: Ask) -> None:
    """Raises ValueError where a file is wrong, or scoring libraries are not installed."""
    check_installed()
    read_refusals(ask.refusals)
    if ask.questions is not None:
        questions_of(ask.questions)


def exam_of(data: DataConfig, rows: Rows, ask: Ask) -> Exam:
    """What a run with these rows is asked.

    Raises:
        ValueError: The file of questions, or of refusals, is wrong.
    """
    refusals = read_refusals(ask.refusals)
    if ask.questions is None:
        asked = own_questions(data, rows, limit=ask.limit, refusals=refusals)
    else:
        asked = first_of_each_kind(questions_of(ask.questions), ask.limit)
    examples = rows.train[: ask.shots]
    how = [
        f"format {FORMAT}",
        str(ask.max_new_tokens),
        *refusals.phrases,
        *(row.place for row in examples),
    ]
    own = [text for one in asked if not one.answerable for text in one.references]
    return Exam(asked, examples, refusals.with_answers(own), questions_digest(asked, *how))


def asked_rows(exam: Exam, *, with_shots: bool) -> list[Row]:
    """The rows to answer; with shots, each after the examples."""
    rows = [question.row for question in exam.questions]
    return [with_examples(row, exam.examples) for row in rows] if with_shots else rows


def marked(exam: Exam, arm: str, texts: Sequence[str]) -> list[Answer]:
    """The answers of one arm, in the order of the questions, with their scores."""
    return [
        Answer(
            arm=arm,
            question=question.row.question,
            kind=question.kind,
            group=question.group,
            fact=question.fact,
            references=question.references,
            answerable=question.answerable,
            answer=text,
            refused=exam.refusals.refuses(text),
            scores=scores(text, question.references),
        )
        for question, text in zip(exam.questions, texts, strict=True)
    ]


def check_rows(rows: Rows, losses: RowLosses) -> None:
    """Raises ValueError where the rows are not those that the run was trained and measured on."""
    for name, now, then in (
        ("training", rows.train, losses.train_digest),
        ("validation", rows.val, losses.val_digest),
    ):
        if not np.array_equal(row_digests(now), then):
            raise ValueError(
                f"the {name} rows are not those that the run was made with, so what it was trained"
                " on is unknown: restore the data file, or train again"
            )
