"""What is wrong with the data, said so that a person can mend it."""

from collections.abc import Iterable
from difflib import get_close_matches

SHOWN = 20  # problems; a file with one fault in each of 50,000 rows must not flood the screen
KEPT = 10_000  # in words; of a file with more, the others are counted


class DataError(ValueError):
    """Everything that is wrong with the data, told at once."""

    def __init__(self, problems: list[str], more: int = 0) -> None:
        super().__init__(problems)
        self.problems = problems
        self.more = more
        """Problems beyond these, which nobody kept in words."""

    def __str__(self) -> str:
        hidden = len(self.problems) + self.more - SHOWN
        return "\n".join(self.problems[:SHOWN] + [f"... and {hidden} more"] * (hidden > 0))


class Problems:
    """Problems as they are found; few of them are kept in words, however many there are."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.more = 0

    def note(self, problem: str) -> None:
        if len(self.lines) < KEPT:
            self.lines.append(problem)
        else:
            self.more += 1

    def check(self) -> None:
        """Raises DataError with all of them, if there are any."""
        if self.lines:
            raise DataError(self.lines, self.more)


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint to end a message with, empty where nothing is near.

    Example:
        >>> nearest("anser", ["question", "answer"])
        "; did you mean 'answer'?"
    """
    close = get_close_matches(name, list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""
