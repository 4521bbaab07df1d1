"""Finished runs answer questions, beside their untuned base; the answers stay in their folders."""

import contextlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from epochwise.config import Experiment, ModelConfig
from epochwise.evaluate.bits import answer_bytes, bits_per_byte
from epochwise.evaluate.exam import (
    Ask,
    Exam,
    asked_by,
    asked_rows,
    check_asked,
    check_rows,
    exam_of,
    marked,
)
from epochwise.evaluate.gain import advice, gains
from epochwise.evaluate.generate import Manner, Prompt, answers, prompt
from epochwise.evaluate.questions import Rows, training_rows
from epochwise.evaluate.scores import bleu_tokenizer
from epochwise.evaluate.summary import summary
from epochwise.model.pretrained import Pretrained, fresh, load_pretrained
from epochwise.model.ranks import ALONE
from epochwise.model.saved import load_adapter
from epochwise.quality import ALL, BASE, RUN, Answer, Measure, Quality, is_evaluated, leave
from epochwise.record import RowLosses
from epochwise.train.folder import home, load_experiment

BITS = "bits_per_byte"
VIRTUAL_TOKENS = ("PROMPT_TUNING", "PREFIX_TUNING", "P_TUNING")  # methods that put some in front

Told = Callable[[int, int], None]
"""Is told how many of how many questions a run and its base have answered."""


class Examiner:
    """Asks one run after the other; a base model is loaded, and asked the same thing, once."""

    def __init__(self, ask: Ask, told: Told = lambda done, total: None) -> None:
        self.ask = ask
        self.told = told
        self._known: dict[tuple[ModelConfig, Prompt], str] = {}
        """What base models have answered: model, prompt -> answer."""
        self._rows: dict[str, Rows] = {}

    def examine(self, folder: Path) -> Quality:
        """The quality of the run in `folder`, left there; as it stands there if it is of this exam.

        Raises:
            ValueError: Its rows are not as they were, or scoring libraries are missing.
        """
        folder = folder.resolve()
        experiment = load_experiment(folder)
        with contextlib.chdir(home(folder)):
            check_asked(self.ask)
            pretrained = load_pretrained(experiment.model, ALONE.device)
            rows = self._training_rows(experiment, pretrained)
            exam = exam_of(experiment.data, rows, self.ask)
        losses = RowLosses.load(folder / "rows.npz")
        check_rows(rows, losses)
        if is_evaluated(folder, exam.digest):
            return Quality.load(folder)
        base = fresh(pretrained.model, experiment.peft)
        tuned = load_adapter(base, experiment.peft, folder / "adapter")
        arms = self._arms(tuned, pretrained, exam, experiment)
        quality = _quality(arms, exam, _bits(rows, losses, pretrained))
        leave(folder, quality, [answer for found in arms.values() for answer in found])
        return quality

    def _training_rows(self, experiment: Experiment, pretrained: Pretrained) -> Rows:
        """Read once for all runs that have the same: reading takes longer than answering."""
        key = experiment.model_dump_json(include={"data", "model"})
        if key not in self._rows:
            self._rows[key] = training_rows(experiment.data, pretrained.tokenizer)
        return self._rows[key]

    def _arms(
        self, tuned: Any, pretrained: Pretrained, exam: Exam, experiment: Experiment
    ) -> dict[str, list[Answer]]:
        """The answers of the run, of its base, and of its base with examples in the prompt."""
        tokenizer, model = pretrained.tokenizer, experiment.model
        plain = [prompt(row, tokenizer) for row in asked_rows(exam, with_shots=False)]
        untuned = {BASE: plain}
        if exam.examples:
            with_shots = asked_rows(exam, with_shots=True)
            untuned[self.ask.with_shots] = [prompt(row, tokenizer) for row in with_shots]
        count = _Count(self.told, len(plain) * (1 + len(untuned)))
        manner = Manner(
            self.ask.max_new_tokens,
            experiment.evaluate.batch_size,
            bf16=model.weights != "fp32",
            pads=experiment.peft.peft_type not in VIRTUAL_TOKENS,
        )
        texts = answers(tuned, tokenizer, plain, manner=manner, on_answers=count.add)
        arms = {RUN: marked(exam, RUN, texts)}
        base = fresh(pretrained.model, experiment.peft)
        for arm, prompts in untuned.items():
            left = [one for one in dict.fromkeys(prompts) if (model, one) not in self._known]
            count.add(len(prompts) - len(left))
            texts = answers(base, tokenizer, left, manner=manner, on_answers=count.add)
            self._known |= {(model, one): text for one, text in zip(left, texts, strict=True)}
            arms[arm] = marked(exam, arm, [self._known[model, one] for one in prompts])
        return arms


class _Count:
    """How many questions have been answered, told with every batch."""

    def __init__(self, told: Told, total: int) -> None:
        self.told = told
        self.total = total
        self.done = 0

    def add(self, number: int) -> None:
        self.done += number
        self.told(self.done, self.total)


def examination(
    runs: Iterable[Experiment], alive: Callable[[], None]
) -> Callable[[Path, Experiment], None]:
    """What is to be done with each of these runs once it is closed: to ask it, if it says so.

    Nothing is done with other runs.

    Args:
        alive: Called with every batch of answers.

    Raises:
        ValueError: What would fail after training: a file of questions, or missing libraries.
    """
    asks = {ask for run in runs if (ask := asked_by(run.evaluate)) is not None}
    for ask in asks:
        check_asked(ask)
    examiners = {ask: Examiner(ask, lambda done, total: alive()) for ask in asks}

    def examine(folder: Path, experiment: Experiment) -> None:
        ask = asked_by(experiment.evaluate)
        examiner = None if ask is None else examiners.get(ask)
        if examiner is not None:
            examiner.examine(folder)

    return examine


def _quality(arms: dict[str, list[Answer]], exam: Exam, bits: dict[str, Measure]) -> Quality:
    measures = {arm: summary(found) for arm, found in arms.items()}
    for arm, measure in bits.items():
        measures[arm][ALL][BITS] = measure
    gained = gains(arms)
    return Quality(
        digest=exam.digest,
        arms=measures,
        gains=tuple(gained),
        sentences=tuple(advice(gained)),
        notes=(_note(exam),),
    )


def _bits(rows: Rows, losses: RowLosses, pretrained: Pretrained) -> dict[str, Measure]:
    sizes = answer_bytes(rows.val_examples, pretrained.tokenizer)
    return {RUN: bits_per_byte(losses, sizes, -1), BASE: bits_per_byte(losses, sizes, 0)}


def _note(exam: Exam) -> str:
    used = {bleu_tokenizer(question.references[0]) for question in exam.questions}
    return f"BLEU by sacrebleu, tokenizer {', '.join(sorted(used))}; chrF is a mean over answers."
