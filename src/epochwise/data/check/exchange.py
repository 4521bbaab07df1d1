"""A row as the check looks at it: its texts, and what of them copies have in common."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from epochwise.data.formats import Row
from epochwise.data.split import normalised, normalised_prompt


class Exchange(NamedTuple):
    row: Row
    prompt: str
    """All that the model reads, normalised as the split does it."""
    question: str
    """The same without the system prompt: one that all rows share would make all rows alike."""
    answer: str
    """Normalised."""

    @property
    def place(self) -> str:
        return self.row.place


def exchanges(
    rows: Sequence[Row], on_row: Callable[[int], None] = lambda count: None
) -> list[Exchange]:
    made = []
    for number, row in enumerate(rows, 1):
        made.append(_exchange(row))
        if number % 1000 == 0:
            on_row(1000)
    return made


def texts(row: Row) -> tuple[str, ...]:
    """All that people or models wrote, as it stands."""
    earlier = [text for turn in row.history for text in turn]
    return (row.system, *earlier, row.instruction, row.input, row.output)


def _exchange(row: Row) -> Exchange:
    prompt = normalised_prompt(row)
    question = normalised_prompt(row._replace(system="")) if row.system else prompt
    return Exchange(row, prompt, question, normalised(row.output))


def raw_prompt(row: Row) -> tuple[object, ...]:
    """Equal for rows that ask the same, letter for letter."""
    return (row.system, row.history, row.instruction, row.input)


def answer(row: Row) -> str:
    return row.output


def question(row: Row) -> str:
    """The last that the user said."""
    return f"{row.instruction}\n{row.input}" if row.input else row.instruction
