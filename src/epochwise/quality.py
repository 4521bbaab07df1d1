"""What an evaluation leaves in a run's folder: answers.jsonl and quality.json. No torch.

Scores are shares in [0, 1]; BLEU and chrF are in [0, 100], as their users know them.
"""

import json
import math
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from epochwise.record import finite, read_json, write_json

RUN, BASE = "run", "base"  # arms: the fine-tuned model, and the base model as it was
ALL = "all"  # the kind under which stands what is of no one kind
TRAINED = "trained"  # kind of questions whose answers were trained on, in these very words
METRIC = "f1"  # answers are compared by it: exact match is 0 for all answers of a weak model
QUALITY, ANSWERS = "quality.json", "answers.jsonl"


@dataclass(frozen=True)
class Measure:
    """A number, and where 19 of 20 other draws of questions would leave it."""

    value: float
    low: float
    """NaN, as is `high`, where all questions are of one source: nothing then tells."""
    high: float
    n: int
    """Questions that count."""

    def told(self, digits: int = 2) -> str:
        """The value and its interval.

        Example:
            >>> Measure(0.5, 0.25, 0.75, 8).told()
            '0.50 [0.25, 0.75]'
        """
        value, low, high = (f"{x:.{digits}f}" for x in (self.value, self.low, self.high))
        return f"{value} [{low}, {high}]"


@dataclass(frozen=True)
class Answer:
    """What one arm answered to one question: a line of answers.jsonl."""

    arm: str
    """run, base, or base with K examples in its prompt: `base + 4 shots`."""
    question: str
    kind: str
    group: str
    """Questions of one source share it: they are not independent."""
    fact: str
    """Questions that ask for the same fact in other words share it; empty for none."""
    references: tuple[str, ...]
    answerable: bool
    answer: str
    refused: bool
    scores: dict[str, float]


Measures = dict[str, Measure]  # by the name of the metric


@dataclass(frozen=True)
class Gain:
    """What fine-tuning gained over an untuned arm: paired, over questions not trained on."""

    against: str
    metric: str
    gain: Measure


@dataclass(frozen=True)
class Judged:
    """A rubric's scores, 1 to 5, by another model."""

    model: str
    rubric: str
    """16 hex digits of its text's hash."""
    arms: dict[str, Measure]
    unclear: int
    """Answers for which it gave no score."""


@dataclass(frozen=True)
class TaskScores:
    """What a run and its base reach in tasks of the Language Model Evaluation Harness."""

    tasks: tuple[str, ...]
    limit: int | None
    """Questions of each; None for all."""
    version: str
    arms: dict[str, dict[str, Measures]]
    """Arm -> task -> metric."""


@dataclass(frozen=True)
class Quality:
    """quality.json: every arm's scores on the same questions."""

    digest: str
    """Of the questions and of how they were asked; equal where answers may be compared."""
    arms: dict[str, dict[str, Measures]]
    """Arm -> kind of question -> metric; what is of no one kind stands under ALL."""
    gains: tuple[Gain, ...]
    sentences: tuple[str, ...]
    """What a person is to know first."""
    notes: tuple[str, ...]
    """How it was measured where that is a choice, e.g. BLEU's tokenizers."""
    judged: Judged | None = None
    """None where no model was asked to judge."""
    tasks: TaskScores | None = None
    """None where no task was asked."""

    @classmethod
    def load(cls, folder: Path) -> "Quality":
        fields = read_json(folder / QUALITY)
        arms = _arms(fields.pop("arms"))
        gains = tuple(Gain(**gain | {"gain": _measure(gain["gain"])}) for gain in fields["gains"])
        lists = {name: tuple(fields[name]) for name in ("sentences", "notes")}
        judged = fields["judged"]
        if judged is not None:
            judged = Judged(**judged | {"arms": _measures(judged["arms"])})
        tasks = fields.get("tasks")
        if tasks is not None:
            names = tuple(tasks["tasks"])
            tasks = TaskScores(**tasks | {"tasks": names, "arms": _arms(tasks["arms"])})
        read = {"arms": arms, "gains": gains, "judged": judged, "tasks": tasks}
        return cls(**fields | lists | read)


def leave(folder: Path, quality: Quality, answers: Sequence[Answer]) -> None:
    """Put both files into the run's folder; there is never a quality beside other answers."""
    (folder / QUALITY).unlink(missing_ok=True)
    save_answers(folder, answers)
    write_json(folder / QUALITY, asdict(quality))


def save_answers(folder: Path, answers: Sequence[Answer]) -> None:
    """Put RUN/answers.jsonl there in one rename."""
    partial = folder / f".{ANSWERS}.partial"
    with partial.open("w", encoding="utf-8") as file:
        for answer in answers:
            text = json.dumps(finite(asdict(answer)), ensure_ascii=False, allow_nan=False)
            file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
    partial.replace(folder / ANSWERS)


def load_answers(folder: Path) -> list[Answer]:
    lines = (folder / ANSWERS).read_text(encoding="utf-8").split("\n")
    found = (json.loads(line) for line in lines if line)
    return [Answer(**fields | {"references": tuple(fields["references"])}) for fields in found]


def is_evaluated(folder: Path, digest: str) -> bool:
    """Whether the run has answered these very questions already."""
    whole = (folder / QUALITY).is_file() and (folder / ANSWERS).is_file()
    return whole and read_json(folder / QUALITY)["digest"] == digest


def _arms(found: dict[str, Any]) -> dict[str, dict[str, Measures]]:
    return {
        arm: {kind: _measures(measures) for kind, measures in kinds.items()}
        for arm, kinds in found.items()
    }


def _measures(found: dict[str, Any]) -> Measures:
    return {metric: _measure(fields) for metric, fields in found.items()}


def _measure(fields: dict[str, Any]) -> Measure:
    value, low, high = (
        math.nan if fields[name] is None else fields[name] for name in ("value", "low", "high")
    )
    return Measure(value, low, high, fields["n"])
