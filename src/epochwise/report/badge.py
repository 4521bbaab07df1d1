"""A verdict as a reader meets it; the sign tells it without colour."""

from typing import NamedTuple

from epochwise.record import JSON, Record
from epochwise.report.language import Words

LOOKS = {  # verdict -> sign and tone
    "diverged": ("✕", "bad"),
    "no_learning": ("–", "bad"),
    "still_improving": ("↘", "open"),
    "overfit_loss": ("↗", "warn"),
    "overfit_quality": ("↗", "warn"),
    "inconclusive": ("?", "open"),
    "healthy": ("✓", "good"),
    "unjudged": ("·", "open"),
}


class Badge(NamedTuple):
    words: str
    sign: str
    tone: str
    meaning: str


def badge(verdict: JSON | None, words: Words) -> Badge:
    name = "unjudged" if verdict is None else str(verdict["verdict"])
    sign, tone = LOOKS[name]
    return Badge(words(f"verdict.{name}.name"), sign, tone, words(f"verdict.{name}.meaning"))


def badges(records: list[Record], words: Words) -> dict[str, Badge]:
    """By the runs' ids."""
    return {record.id: badge(record.verdict, words) for record in records}
