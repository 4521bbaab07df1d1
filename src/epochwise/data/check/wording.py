"""A row as the check looks at it: its texts, and what of them copies have in common."""

from collections.abc import Callable, Hashable, Sequence
from typing import NamedTuple

from epochwise.data.formats import Row
from epochwise.data.split import normalised, normalised_prompt

TOLD = 1000  # rows between two signs of life


class Wording(NamedTuple):
    row: Row
    prompt: str
    """All that the model reads, normalised as the split does it."""
    question: str
    """The same without system prompt and tools: shared by all rows, they would make all alike."""
    answer: str
    """Normalised."""

    @property
    def place(self) -> str:
        return self.row.place


def wordings(
    rows: Sequence[Row], on_row: Callable[[int], None] = lambda count: None
) -> list[Wording]:
    made: list[Wording] = []
    for row in rows:
        made.append(_worded(row))
        if len(made) % TOLD == 0:
            on_row(TOLD)
    return made


def texts(row: Row) -> list[str]:
    """All that people or models wrote, as it stands."""
    said = [text for each in row.messages for text in (each.content, each.input, *each.calls)]
    return [text for text in (*said, row.rejected) if text]


def raw_prompt(row: Row) -> Hashable:
    """Equal for rows that ask the same, letter for letter."""
    return (row.messages[:-1] or row.messages, row.tools)


def _worded(row: Row) -> Wording:
    prompt = normalised_prompt(row)
    answer = normalised("\n".join((row.answer, *row.messages[-1].calls)))
    if not row.system and not row.tools:
        return Wording(row, prompt, prompt, answer)
    said = [each.text for each in row.messages[:-1] if each.role != "system"]
    return Wording(row, prompt, normalised("\n".join(said)), answer)
