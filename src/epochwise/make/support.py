"""Whether a question and its answer follow from a passage: what no model is asked about.

Words are compared by their first letters, so that endings do not matter, and only those that carry
meaning: four letters or more, numbers, and the signs of scripts without spaces.
"""

import re
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from epochwise.data.language import language, tells_language
from epochwise.evaluate.refusal import Refusals
from epochwise.evaluate.words import normalised, script, tokens
from epochwise.make.reply import Pair
from epochwise.make.windows import Window, sentences

ABOUT = Path(__file__).with_name("about.txt")
STEM = 5  # letters
CARRIES = 4  # letters
SUPPORT = 0.6  # of the words that an answer adds: a few neighbouring sentences must hold them
ON_TOPIC = 0.5  # of a question's words that the passage must hold
SHORTEST = 3  # words of a question; signs where a script writes no spaces
NUMBER = re.compile(r"\d+")


class Evidence(NamedTuple):
    text: str
    """The words of the passage that give the answer."""
    support: float
    """Share of what the answer adds to its question that they hold."""


def fault(pair: Pair, window: Window, refusals: Refusals, language: str | None) -> str:
    """Why the pair is not to be learnt from; empty where nothing speaks against it.

    Args:
        language: Of question and answer, where it is not the passage's: then words cannot be
            compared, and a quote is what ties the answer to the passage.
    """
    if reason := form_fault(pair.question) or _answer_fault(pair, refusals):
        return reason
    if not speaks(f"{pair.question} {pair.answer}", language or spoken(window.text)):
        return "in another language"
    if not numbers(pair.answer) <= numbers(window.text) | numbers(pair.question):
        return "a number that is not in the passage"
    if pair.quote and not _holds(window.text, pair.quote):
        return "a quote that is not in the passage"
    if pair.quote and window.shared and not _reaches(window, pair.quote):
        return "answered by what the window before holds too"
    if language in (None, spoken(window.text)):
        return _topic_fault(pair, window)
    return "" if pair.quote else "no quote from the passage"


def form_fault(question: str) -> str:
    """What is wrong with a question whatever it is about."""
    if len(tokens(question)) < SHORTEST:
        return "too short a question"
    return "about the passage, not the world" if about_the_page(question) else ""


def evidence(pair: Pair, window: Window) -> Evidence:
    """The quote, or the neighbouring sentences that hold most of the answer's words."""
    wanted = _added(pair)
    if pair.quote:
        return Evidence(pair.quote, _share(wanted, stems(pair.quote)))
    parts = sentences(window.own)
    most = len(sentences(pair.answer)) + 1
    spans = [
        " ".join(parts[start : start + length])
        for length in range(1, most + 1)
        for start in range(max(1, len(parts) - length + 1))
    ]
    asked = stems(pair.question)
    found = [(_share(wanted, stems(text)), _share(asked, stems(text)), text) for text in spans]
    share, _, text = max(found, key=lambda one: (*one[:2], -len(one[2])))
    return Evidence(text, share)


def is_on_topic(question: str, passage: str) -> bool:
    return _share(stems(question), stems(passage)) >= ON_TOPIC


def speaks(text: str, language_code: str | None) -> bool:
    """Whether a text is in a language, as far as it is long enough to tell."""
    if language_code is None or not tells_language(text):
        return True
    return language(text) == language_code


def about_the_page(text: str) -> bool:
    """Whether a question or answer is about its page.

    Example:
        >>> about_the_page("What does the author say?"), about_the_page("Who is the author of It?")
        (True, False)
    """
    plain = f" {' '.join(tokens(text))} "
    unspaced = plain.replace(" ", "")
    return any(
        f" {one} " in plain if one.isascii() else one in plain + unspaced for one in _about()
    )


def _answer_fault(pair: Pair, refusals: Refusals) -> str:
    question, answer = normalised(pair.question), normalised(pair.answer)
    if about_the_page(pair.answer):
        return "about the passage, not the world"
    if refusals.refuses(pair.answer):
        return "a refusal"
    given = not answer or answer in question or not _added(pair)
    return "an answer that its question gives away" if given else ""


def _topic_fault(pair: Pair, window: Window) -> str:
    if not is_on_topic(pair.question, window.text):
        return "off the passage's topic"
    if evidence(pair, window).support < SUPPORT:
        return "an answer that the passage does not support"
    return ""


def _added(pair: Pair) -> frozenset[str]:
    """What the answer says beyond its question."""
    return stems(pair.answer) - stems(pair.question)


def spoken(text: str) -> str | None:
    return language(text) if tells_language(text) else None


def numbers(text: str) -> set[str]:
    """Example: `numbers("1,024 ways")` is {'1024'}."""
    return set(NUMBER.findall(re.sub(r"(?<=\d)[.,](?=\d)", "", text)))


def _holds(text: str, quote: str) -> bool:
    return normalised(quote) in normalised(text)


def _reaches(window: Window, quote: str) -> bool:
    """Whether a quote goes beyond what the window before holds as well."""
    return not _holds(window.text[: window.shared], quote)


def _share(wanted: frozenset[str], there: frozenset[str]) -> float:
    return len(wanted & there) / len(wanted) if wanted else 0.0


@cache
def stems(text: str) -> frozenset[str]:
    words = tokens(normalised(text))
    signs = [word for word in words if script(word)]
    if signs:  # single signs are in every text; two in a row carry meaning
        return frozenset("".join(two) for two in pairwise(signs)) or frozenset(signs)
    carrying = [word[:STEM] for word in words if len(word) >= CARRIES or word.isdigit()]
    return frozenset(carrying or words)


@cache
def _about() -> tuple[str, ...]:
    lines = ABOUT.read_text(encoding="utf-8").splitlines()
    phrases = (" ".join(tokens(line)) for line in lines if not line.startswith("#"))
    return tuple(
        dict.fromkeys(one.replace(" ", "") if script(one) else one for one in phrases if one)
    )
