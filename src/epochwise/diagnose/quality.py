"""Whether more epochs made the answers worse, which the loss alone does not tell.

InstructGPT's models answered better while their validation loss rose (arXiv 2203.02155), and LIMA's
perplexity did not go with quality (arXiv 2305.11206). So quality has a verdict of its own.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from epochwise.diagnose.noise import LEVEL, above_lowest, contrast
from epochwise.quality import ALL, ANSWERS, METRIC, RUN, TRAINED, Answer, load_answers
from epochwise.record import Record, finished, run_folder

Scores = Float[np.ndarray, "runs questions"]


@dataclass(frozen=True)
class Drop:
    """How much worse one kind of question is answered after the last epoch than after the best."""

    kind: str
    by_epoch: dict[int, float]
    """Epochs of a run -> its mean score."""
    drop: float
    """Paired, and the best epoch chosen on other questions than those compared."""
    low: float
    high: float
    n: int
    is_sure: bool
    """Past doubt at 5%; where kinds are looked at one by one, these share the 5%."""

    @property
    def best_epoch(self) -> int:
        return max(self.by_epoch, key=lambda epoch: self.by_epoch[epoch])


@dataclass(frozen=True)
class QualityVerdict:
    """What a line of runs says that differ in epochs alone."""

    run: str
    """The longest one's id."""
    label: str
    verdict: str
    """overfit_quality where the answers to all questions together get worse, else healthy.

    One kind may still get worse while others gain, as a model that refuses everything begins with
    full marks for the unanswerable: that is told in a sentence.
    """
    drops: tuple[Drop, ...]
    """Of all questions that were not trained on, then of each kind."""
    loss_verdict: str | None
    """Of the same run, by its validation loss."""
    sentences: tuple[str, ...]


def study_quality(folder: Path) -> list[QualityVerdict]:
    """A verdict for each line of a study's finished runs that have answered the same questions."""
    found = []
    for line in lines(finished(folder)):
        folders = {record.id: run_folder(folder, record.id) for record in line}
        asked = [record for record in line if (folders[record.id] / ANSWERS).is_file()]
        answers = {record.id: load_answers(folders[record.id]) for record in asked}
        if len(asked) > 1:
            found.append(quality_verdict(asked, answers))
    return found


def lines(records: Sequence[Record]) -> list[list[Record]]:
    """The runs that differ in nothing but epochs, the shortest first; runs that stand alone too."""
    found: dict[str, list[Record]] = {}
    for record in records:
        train = {key: value for key, value in record.settings["train"].items() if key != "epochs"}
        rest = {group: record.settings[group] for group in ("data", "model", "peft")}
        found.setdefault(json.dumps([rest, train], sort_keys=True), []).append(record)
    return [sorted(line, key=_epochs) for line in found.values()]


def quality_verdict(
    line: Sequence[Record], answers: Mapping[str, Sequence[Answer]]
) -> QualityVerdict:
    """Whether the longest run of a line answers worse than the best one, for sure.

    Args:
        line: Two runs or more, the shortest first.
        answers: Run id -> its answers.

    Raises:
        ValueError: The runs have not answered the same questions.
    """
    tuned = [_tuned(answers[record.id]) for record in line]
    if any(_questions(found) != _questions(tuned[0]) for found in tuned):
        raise ValueError(
            f"{line[-1].label}: its runs with fewer epochs have answered other questions: give"
            " `epochwise evaluate STUDY`, which asks all of them the same"
        )
    epochs = [_epochs(record) for record in line]
    drops = _drops(tuned, epochs)
    verdict = "overfit_quality" if drops[0].is_sure else "healthy"
    loss_verdict = (line[-1].verdict or {}).get("verdict")
    return QualityVerdict(
        run=line[-1].id,
        label=line[-1].label,
        verdict=verdict,
        drops=tuple(drops),
        loss_verdict=loss_verdict,
        sentences=(*_told(drops, epochs[-1]), *_disagreement(verdict, loss_verdict)),
    )


def _drops(tuned: Sequence[Sequence[Answer]], epochs: Sequence[int]) -> list[Drop]:
    scores = np.array([[one.scores[METRIC] for one in found] for found in tuned])
    kinds = np.array([answer.kind for answer in tuned[0]])
    groups = np.array([answer.group for answer in tuned[0]])
    names = dict.fromkeys(kinds.tolist())
    whole = _drop(ALL, scores, groups, epochs, 1)
    return [whole] + [
        _drop(name, scores[:, kinds == name], groups[kinds == name], epochs, len(names))
        for name in names
    ]


def _drop(kind: str, scores: Scores, group: np.ndarray, epochs: Sequence[int], looks: int) -> Drop:
    source = np.unique(group, return_inverse=True)[1]
    fallen, compared = above_lowest(-scores, source)
    counts = np.ones(int(compared.sum()), dtype=np.int64)
    difference = contrast(fallen[-1], counts, source[compared])
    return Drop(
        kind=kind,
        by_epoch=dict(zip(epochs, scores.mean(axis=1).tolist(), strict=True)),
        drop=difference.estimate,
        low=difference.low,
        high=difference.high,
        n=len(group),
        is_sure=difference.certainty_above(0.0) > 1 - (1 - LEVEL) / looks,
    )


def _told(drops: Sequence[Drop], last: int) -> list[str]:
    whole, *kinds = drops
    first = _worse(whole, last) if whole.is_sure else _no_worse(whole, last)
    return [first, *(_worse(drop, last) for drop in kinds if drop.is_sure)]


def _worse(drop: Drop, last: int) -> str:
    best = drop.best_epoch
    return (
        f"{_named(drop.kind)} are answered worse after {last} epochs than after {best}: F1"
        f" {drop.by_epoch[last]:.2f} instead of {drop.by_epoch[best]:.2f} (drop {drop.drop:.2f},"
        f" 90% {drop.low:.2f} to {drop.high:.2f}): take fewer epochs if these matter."
    )


def _no_worse(drop: Drop, last: int) -> str:
    best, score = drop.best_epoch, drop.by_epoch[drop.best_epoch]
    head = f"All in all, answers do not get worse for sure up to {last} epochs: F1 on questions not"
    if best == last:
        return f"{head} trained on is best then, {score:.2f}."
    return (
        f"{head} trained on is {drop.by_epoch[last]:.2f} then, {score:.2f} after {best}"
        f" (drop {drop.drop:.2f}, 90% {drop.low:.2f} to {drop.high:.2f})."
    )


def _disagreement(verdict: str, loss_verdict: str | None) -> list[str]:
    by_loss = loss_verdict == "overfit_loss"
    if by_loss and verdict != "overfit_quality":
        return [
            "Loss and quality disagree: the validation loss rises, but all in all the answers are"
            " no worse for sure. Choose by what you need: probabilities or answers."
        ]
    if verdict == "overfit_quality" and not by_loss:
        return [
            "Loss and quality disagree: the validation loss does not show overfitting, but the"
            " answers get worse. Trust the answers."
        ]
    return []


def _named(kind: str) -> str:
    return "Questions not trained on" if kind == ALL else f"Questions of kind {kind}"


def _tuned(answers: Sequence[Answer]) -> list[Answer]:
    return [one for one in answers if one.arm == RUN and one.kind != TRAINED]


def _questions(answers: Sequence[Answer]) -> list[tuple[str, str, tuple[str, ...]]]:
    return [(one.kind, one.question, one.references) for one in answers]


def _epochs(record: Record) -> int:
    return int(record.settings["train"]["epochs"])
