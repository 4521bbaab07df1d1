"""A page on which a person prefers one of two answers, without knowing which model gave it."""

from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from epochwise.evaluate.interval import mean
from epochwise.quality import RUN, Answer, Measure, Quality
from epochwise.record import read_json, write_json

TEMPLATE = "blind.html.jinja"
MOST = 50  # pairs: what a person bears to read
SAME = "same"
CHOICES = ("left", "right", SAME)


class Pair(NamedTuple):
    question: str
    references: tuple[str, ...]
    left: str
    right: str
    left_is: str
    """The arm on the left side; the page does not show it."""


def write_blind(page: Path, answers: Sequence[Answer], quality: Quality) -> Path:
    """Write the page, and beside it the key: which arm was on which side. Returns the key's path.

    The run stands against the untuned arm that is hardest to beat.

    Raises:
        ValueError: There is nothing to compare, or the files cannot be written.
    """
    if not quality.gains:
        raise ValueError("--blind: all questions were trained on, so there is nothing to compare")
    against = min(quality.gains, key=lambda gain: gain.gain.value).against
    pairs = pairs_of(answers, against, seed=quality.digest)
    key = key_of(page)
    sides = {str(number): pair.left_is for number, pair in enumerate(pairs, 1)}
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    try:
        page.write_text(environment.get_template(TEMPLATE).render(pairs=pairs), encoding="utf-8")
        write_json(key, {"left": sides, "arms": [RUN, against]})
    except OSError as error:
        raise ValueError(f"--blind {page}: cannot be written: {error}") from error
    return key


def key_of(page: Path) -> Path:
    return page.with_suffix(".key.json")


class Tally(NamedTuple):
    """What a person preferred."""

    run: int
    other: int
    same: int
    against: str
    """The untuned arm."""
    share: Measure
    """Of pairs in which the run was preferred, one of equal answers counting half."""

    @property
    def sentence(self) -> str:
        return (
            f"The run was preferred in {self.run} of {self.share.n} pairs, {self.against} in"
            f" {self.other}, neither in {self.same}: {self.share.told()}, where 0.50 is no"
            " difference."
        )


def tally(page: Path, choices: Path) -> Tally:
    """What the choices that a person saved from `page` say, once it is known which side was which.

    Raises:
        ValueError: A file is not there, or the choices are not of this page.
    """
    sides = _read(key_of(page), f"--blind {page}: its key is missing")
    chosen = _read(choices, f"--choices {choices}: cannot be read")
    left, arms = sides["left"], sides["arms"]
    wrong = [
        f"--choices {choices}: pair {number!r} is chosen as {choice!r}, expected a pair of {page}"
        f" and one of {list(CHOICES)}"
        for number, choice in chosen.items()
        if number not in left or choice not in CHOICES
    ]
    if wrong or not chosen:
        raise ValueError("\n".join(wrong) or f"--choices {choices}: no pair was chosen in it")
    other = {RUN: arms[1], arms[1]: RUN}
    preferred = [
        SAME if choice == SAME else left[number] if choice == "left" else other[left[number]]
        for number, choice in chosen.items()
    ]
    worth = {RUN: 1.0, SAME: 0.5}
    return Tally(
        run=preferred.count(RUN),
        other=preferred.count(arms[1]),
        same=preferred.count(SAME),
        against=arms[1],
        share=mean([worth.get(arm, 0.0) for arm in preferred], list(chosen)),
    )


def _read(file: Path, otherwise: str) -> dict[str, Any]:
    try:
        found = read_json(file)
    except (OSError, ValueError) as error:
        raise ValueError(f"{otherwise}: {error}") from error
    if not isinstance(found, dict):
        raise ValueError(f"{otherwise}: it holds no object")
    return found


def pairs_of(answers: Sequence[Answer], against: str, *, seed: str) -> list[Pair]:
    """At most MOST pairs of unlike answers to the same questions, in an order and sides by chance.

    Equal answers are left out: there is nothing to prefer.
    """
    tuned = [answer for answer in answers if answer.arm == RUN]
    other = [answer for answer in answers if answer.arm == against]
    unlike = [(a, b) for a, b in zip(tuned, other, strict=True) if a.answer != b.answer]
    rng = Random(seed)
    chosen = rng.sample(unlike, min(MOST, len(unlike)))
    return [_pair(*rng.sample(pair, 2)) for pair in chosen]


def _pair(left: Answer, right: Answer) -> Pair:
    return Pair(left.question, left.references, left.answer, right.answer, left.arm)
