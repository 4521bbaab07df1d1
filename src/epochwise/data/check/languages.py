"""Which languages prompts and answers are in."""

from collections import Counter
from collections.abc import Callable, Sequence
from random import Random
from typing import NamedTuple

from epochwise.data.check.finding import Finding, Place, first_places
from epochwise.data.check.wording import Wording
from epochwise.data.language import HAN, KANA, language

SAMPLE = 3000  # rows: a share is known to within 2 points, and the classifier takes 0.5 ms a text
SIGNS = 300  # of a text: more tell no more
LEAST_LETTERS, LEAST_SIGNS = 60, 12  # so that names in a short answer decide nothing
VARIETIES = {"wuu": "zh", "yue": "zh", "zxx": ""}  # written alike; zxx is no language
CHANCE = 0.02  # share of texts that the classifier may well get wrong
STRAY = 0.02  # the same, of answers in another language than their prompt


class Languages(NamedTuple):
    sampled: int
    answers: dict[str, int]
    """Language, ISO 639-1 -> answers, the most first; texts too short to tell are left out."""
    strays: list[int]
    """Sampled rows whose answer is in another language than the prompt."""
    compared: int


def languages(
    rows: Sequence[Wording], on_row: Callable[[int], None] = lambda count: None
) -> Languages:
    chosen = range(len(rows))
    sample = sorted(Random(0).sample(chosen, min(SAMPLE, len(rows))))
    counts: Counter[str] = Counter()
    strays: list[int] = []
    compared = 0
    for row in sample:
        asked, said = (_told(text) for text in (rows[row].row.question, rows[row].row.answer))
        counts.update([said] if said else [])
        compared += bool(asked and said)
        strays += [row] if asked and said and asked != said else []
        on_row(1)
    return Languages(len(sample), dict(counts.most_common()), strays, compared)


def language_findings(rows: Sequence[Wording], found: Languages) -> list[Finding]:
    return [_mixed(found), _strays(rows, found)]


def _mixed(found: Languages) -> Finding:
    told = sum(found.answers.values())
    others = told - max(found.answers.values(), default=0)
    shares = ", ".join(f"{name} {count / told:.1%}" for name, count in found.answers.items())
    return Finding(
        "mixed_languages",
        "note",
        others if others > CHANCE * told else 0,
        f"of {told:,} sampled answers are not in the most frequent language: {shares}",
        "right where it is meant; compare losses of one language with one another only",
        (),
        others / max(1, told),
    )


def _strays(rows: Sequence[Wording], found: Languages) -> Finding:
    share = len(found.strays) / max(1, found.compared)
    places = (
        Place(
            f"{rows[row].place} ({_told(rows[row].row.question)},"
            f" answered in {_told(rows[row].row.answer)})",
            rows[row].row.answer,
        )
        for row in found.strays
    )
    return Finding(
        "answers_in_another_language",
        "warning" if share > STRAY else "note",
        len(found.strays),
        f"of {found.compared:,} sampled rows are answered in another language than asked",
        "right for translations; else the model learns to answer so: remove them",
        first_places(places),
        share,
    )


def _told(text: str) -> str:
    """The language of a text; empty where it is too short to be sure."""
    start = text[:SIGNS]
    signs = len(HAN.findall(start)) + len(KANA.findall(start))
    if signs < LEAST_SIGNS and sum(map(str.isalpha, start)) < LEAST_LETTERS:
        return ""
    found = language(start)
    return VARIETIES.get(found, found)
