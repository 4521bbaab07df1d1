"""Rows from windows: a model writes them, what the passage does not bear out is left out."""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import TypeVar

from epochwise.draw import seed_for
from epochwise.endpoint import JSON, Model, Reply, UnclearError
from epochwise.evaluate.refusal import Refusals
from epochwise.evaluate.words import normalised
from epochwise.make import reply as replies
from epochwise.make.jobs import carry_out
from epochwise.make.journal import Journal
from epochwise.make.prompt import Prompts, filled, language_name
from epochwise.make.reply import Form, Pair
from epochwise.make.support import (
    evidence,
    fault,
    form_fault,
    is_on_topic,
    numbers,
    speaks,
    spoken,
)
from epochwise.make.windows import Window

T = TypeVar("T")

UNCLEAR = "a reply that is not of the form asked for"
DUPLICATE = "asked already"
REWORDED = "a paraphrase that asks something else, or says the same words"
ANSWERED = "called unanswerable, but the passage answers it"


@dataclass(frozen=True)
class Recipe:
    """What is made of each window."""

    pairs: int
    form: Form
    language: str | None
    """None: that of the window."""
    paraphrases: int
    """Other wordings of each question."""
    unanswerable: float
    """The share of rows whose question the passage does not answer."""
    temperature: float
    max_reply_tokens: int
    seed: int


class Writer:
    """Has a model write about one window after the other."""

    def __init__(self, model: Model, prompts: Prompts, recipe: Recipe, refusals: Refusals) -> None:
        self.model = model
        self.prompts = prompts
        self.recipe = recipe
        self.refusals = refusals

    def entry(self, number: int, window: Window) -> JSON:
        """All that is made of a window, and how much was left out for which reason.

        Raises:
            SpentError, ValueError: As Model.ask does.
        """
        left_out: Counter[str] = Counter()
        found = self._pairs(number, window, left_out)
        reworded = self._paraphrases(number, window, found, left_out)
        twins = self._twins(number, window, found, left_out)
        return {
            "window": number,
            "pairs": [
                {
                    "question": pair.question,
                    "answer": pair.answer,
                    "evidence": evidence(pair, window).text,
                    "paraphrases": wordings,
                }
                for pair, wordings in zip(found, reworded, strict=True)
            ],
            "unanswerable": twins,
            "left_out": dict(left_out),
        }

    def _pairs(self, number: int, window: Window, left_out: Counter[str]) -> list[Pair]:
        def read(reply: Reply) -> list[Pair]:
            written = replies.pairs(reply, self.recipe.form)
            good: dict[str, Pair] = {}
            for pair in written:
                reason = fault(pair, window, self.refusals, self.recipe.language)
                if not reason and normalised(pair.question) in good:
                    reason = DUPLICATE
                if reason:
                    left_out[reason] += 1
                else:
                    good[normalised(pair.question)] = pair
            if written and not good:
                raise NoneGoodError("the passage bears out none of the answers")
            return list(good.values())[: self.recipe.pairs]

        fields = {"count": self.recipe.pairs, "source": window.document, "passage": window.text}
        return self._ask("pairs", number, window, fields, read, left_out) or []

    def _paraphrases(
        self, number: int, window: Window, found: Sequence[Pair], left_out: Counter[str]
    ) -> list[list[str]]:
        """Other wordings for each pair; lines cannot say to which of several they belong."""
        count = self.recipe.paraphrases
        if not count or not found:
            return [[] for _ in found]
        at_once = [list(found)] if self.recipe.form == "json" else [[pair] for pair in found]
        lists: list[list[str]] = []
        for group in at_once:

            def read(reply: Reply, group: list[Pair] = group) -> list[list[str]]:
                return replies.paraphrases(reply, self.recipe.form, of=len(group), count=count)

            asked = "\n".join(pair.question for pair in group)
            fields = {"count": count, "questions": asked}
            written = self._ask("paraphrases", number, window, fields, read, left_out)
            lists += written or [[] for _ in group]
        return [
            self._reworded(pair, wordings, left_out)
            for pair, wordings in zip(found, lists, strict=True)
        ]

    def _reworded(self, pair: Pair, wordings: list[str], left_out: Counter[str]) -> list[str]:
        good = {normalised(pair.question): ""}
        for text in wordings:
            same_numbers = numbers(text) == numbers(pair.question)
            about = is_on_topic(text, f"{pair.question} {pair.answer}")
            if form_fault(text) or not same_numbers or not about or normalised(text) in good:
                left_out[REWORDED] += 1
            else:
                good[normalised(text)] = text
        return [text for text in good.values() if text]

    def _twins(
        self, number: int, window: Window, found: Sequence[Pair], left_out: Counter[str]
    ) -> list[str]:
        """Questions about the same things that the passage does not answer."""
        count = self._wanted_twins(number, len(found))
        if not count:
            return []

        def read(reply: Reply) -> list[str]:
            return replies.questions(reply, self.recipe.form)[:count]

        fields = {"count": count, "source": window.document, "passage": window.text}
        written = self._ask("unanswerable", number, window, fields, read, left_out) or []
        good: list[str] = []
        asked = {normalised(pair.question) for pair in found}
        for question in written:
            reason = self._twin_fault(number, question, window, asked, left_out)
            if reason:
                left_out[reason] += 1
            else:
                good.append(question)
                asked.add(normalised(question))
        return good

    def _wanted_twins(self, number: int, found: int) -> int:
        """As many as make up their share of all rows, whole ones by chance."""
        chance = Random(seed_for(self.recipe.seed, "unanswerable", number)).random()
        share = self.recipe.unanswerable
        return math.floor(found * share / (1 - share) + chance)

    def _twin_fault(
        self, number: int, question: str, window: Window, asked: set[str], left_out: Counter[str]
    ) -> str:
        if normalised(question) in asked:
            return DUPLICATE
        language = self.recipe.language or spoken(window.text)
        if reason := form_fault(question):
            return reason
        if not speaks(question, language):
            return "in another language"

        def read(reply: Reply) -> bool:
            return replies.answered(reply, self.recipe.form)

        fields = {"questions": question, "passage": window.text}
        answered = self._ask("check", number, window, fields, read, left_out)
        return "" if answered is False else ANSWERED

    def _ask(
        self,
        kind: str,
        number: int,
        window: Window,
        fields: Mapping[str, object],
        read: Callable[[Reply], T],
        left_out: Counter[str],
    ) -> T | None:
        """None where no reply was of use, however often it was asked."""
        language = self.recipe.language or spoken(window.text) or "en"
        named = {"language": language_name(language)}
        content = filled(self.prompts[kind], {**fields, **named})

        def body(attempt: int) -> JSON:
            seed = seed_for(self.recipe.seed, kind, number, str(fields.get("questions")), attempt)
            request: JSON = {
                "messages": [{"role": "user", "content": content}],
                "temperature": self.recipe.temperature,
                "max_tokens": self.recipe.max_reply_tokens,
                "seed": seed % 2**31,
            }
            if self.recipe.form == "json":
                request["response_format"] = replies.schema(kind)
            return request

        def told(reply: Reply) -> T:
            try:
                return read(reply)
            except NoneGoodError:
                raise
            except UnclearError:
                left_out[UNCLEAR] += 1
                raise

        try:
            return self.model.ask(body, told)
        except UnclearError:
            return None


class NoneGoodError(UnclearError):
    """A reply of the right form of which nothing can be used."""


def build(
    windows: Sequence[Window],
    writer: Writer,
    journal: Journal,
    *,
    at_a_time: int,
    on_window: Callable[[int], None] = lambda done: None,
) -> bool:
    """Add to the journal what is made of each window that is not in it yet.

    Returns whether all are done: not where the meter's limit was reached.

    Raises:
        ValueError: The endpoint cannot be reached, or refuses. What was done by then is kept.
    """
    done = {entry["window"] for entry in journal.entries if "window" in entry}
    left = [number for number in range(len(windows)) if number not in done]
    jobs = [partial(writer.entry, number, windows[number]) for number in left]

    def told(count: int) -> None:
        on_window(len(done) + count)

    told(0)
    return carry_out(jobs, journal, writer.model.meter, at_a_time=at_a_time, on_done=told)
