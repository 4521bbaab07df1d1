"""Answers side by side: the untuned base, the recommended run, and one that overfitted."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from epochwise.quality import ANSWERS, BASE, METRIC, RUN, Answer, load_answers
from epochwise.record import Record, run_folder

MOST, EACH = 12, 3  # questions in all, and of one kind


class Sample(NamedTuple):
    question: str
    kind: str
    wanted: str
    answers: tuple[tuple[str, float | None], ...]
    """With its mark in [0, 1], for each of `Samples.arms`; an empty answer where none was given."""


class Samples(NamedTuple):
    arms: tuple[tuple[str, str], ...]
    """Key of the catalogue (base, best, overfit) and the run's label."""
    lines: tuple[Sample, ...]


def samples(folder: Path, records: Sequence[Record], chosen: str | None) -> Samples | None:
    """The same questions for all arms; None where no run has answered any."""
    folder_of = partial(run_folder, folder)
    answered = [record for record in records if (folder_of(record.id) / ANSWERS).is_file()]
    if not answered:
        return None
    best = next((record for record in answered if record.id == chosen), answered[0])
    worst = _overfitted(answered, best)
    others = [] if worst is None else [("overfit", worst)]
    return _side_by_side(folder_of, [("best", best), *others])


def samples_of(run_folder: Path, record: Record) -> Samples:
    """One run beside its untuned base."""
    return _side_by_side(lambda _: run_folder, [("best", record)])


def _side_by_side(folder_of: Callable[[str], Path], runs: Sequence[tuple[str, Record]]) -> Samples:
    given = [load_answers(folder_of(record.id)) for _, record in runs]
    arms = [_of(given[0], BASE), *(_of(answers, RUN) for answers in given)]
    names = [("base", ""), *((key, record.label) for key, record in runs)]
    return Samples(tuple(names), tuple(_sample(answer, arms) for answer in _chosen(arms[1])))


def _of(answers: Sequence[Answer], arm: str) -> dict[str, Answer]:
    return {answer.question: answer for answer in answers if answer.arm == arm}


def _overfitted(records: Sequence[Record], best: Record) -> Record | None:
    """The run past its best epoch whose loss rose most, of the same base model."""
    model = best.settings["model"]
    risen = [
        record
        for record in records
        if record.verdict is not None
        and record.verdict["verdict"] in ("overfit_loss", "overfit_quality")
        and record.settings["model"] == model
        and record.id != best.id
    ]
    return max(risen, key=lambda record: (record.verdict or {})["rise"], default=None)


def _chosen(answers: dict[str, Answer]) -> list[Answer]:
    """The first few of each kind, in the order in which they were asked."""
    kinds: dict[str, list[Answer]] = {}
    for answer in answers.values():
        kinds.setdefault(answer.kind, []).append(answer)
    return [answer for found in kinds.values() for answer in found[:EACH]][:MOST]


def _sample(asked: Answer, arms: Sequence[dict[str, Answer]]) -> Sample:
    found = [arm.get(asked.question) for arm in arms]
    return Sample(
        asked.question,
        asked.kind,
        " / ".join(asked.references),
        tuple(("", None) if one is None else (one.answer, one.scores.get(METRIC)) for one in found),
    )
