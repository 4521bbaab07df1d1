"""One question, with what would be right."""

from typing import NamedTuple

from epochwise.data.formats import Row


class Question(NamedTuple):
    row: Row
    """What is asked; its answer is the first reference."""
    references: tuple[str, ...]
    kind: str
    group: str
    """Questions of one source are not independent."""
    fact: str
    """Questions that ask for the same in other words share it; empty for none."""
    answerable: bool
    """Whether there is an answer; if not, a refusal is right."""
