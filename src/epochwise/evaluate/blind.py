"""A page on which a person prefers one of two answers, without knowing which model gave it."""

from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from epochwise.quality import RUN, Answer, Quality
from epochwise.record import write_json

TEMPLATE = "blind.html.jinja"
MOST = 50  # pairs: what a person bears to read


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
    key = page.with_suffix(".key.json")
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
