"""What is wrong with the data, said so that a person can mend it."""

from collections.abc import Iterable
from difflib import get_close_matches

SHOWN = 20  # problems; a file with one fault in each of 50,000 rows must not flood the screen


class DataError(ValueError):
    """Everything that is wrong with the data, told at once."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__(problems)
        self.problems = problems

    def __str__(self) -> str:
        hidden = len(self.problems) - SHOWN
        return "\n".join(self.problems[:SHOWN] + [f"... and {hidden} more"] * (hidden > 0))


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint to end a message with, empty where nothing is near.

    Example:
        >>> nearest("anser", ["question", "answer"])
        "; did you mean 'answer'?"
    """
    close = get_close_matches(name, list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""
