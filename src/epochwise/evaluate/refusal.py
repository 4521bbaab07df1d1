"""What counts as a refusal: phrases of a file, and the data's own refusing answers."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from epochwise.evaluate.words import normalised

PHRASES = Path(__file__).with_name("refusals.txt")
OPENING = 100  # characters: a refusal says so at once; a long answer may hold such words by chance


class Refusals(NamedTuple):
    phrases: tuple[str, ...]
    """Normalised; an answer that begins with one, or holds it in its opening, refuses."""

    def refuses(self, answer: str) -> bool:
        text = f" {normalised(answer)[:OPENING]} "
        return any(_within(phrase, text) for phrase in self.phrases)

    def with_answers(self, answers: Iterable[str]) -> "Refusals":
        """The same, and these whole answers: those of the data's unanswerable rows."""
        own = (normalised(answer) for answer in answers)
        return Refusals(tuple(dict.fromkeys([*self.phrases, *(text for text in own if text)])))


def read_refusals(file: Path = PHRASES) -> Refusals:
    """The phrases of a file, one a line; lines that begin with # are comments.

    Raises:
        ValueError: It cannot be read, or holds none.
    """
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"--refusals {file}: cannot be read: {error}") from error
    phrases = [normalised(line) for line in lines if not line.startswith("#")]
    if not any(phrases):
        raise ValueError(f"--refusals {file}: holds no phrase; give one a line, e.g. i do not know")
    return Refusals(tuple(phrase for phrase in phrases if phrase))


def _within(phrase: str, text: str) -> bool:
    """Whole words, where words are parted by spaces."""
    return (f" {phrase} " if phrase.isascii() else phrase) in text
