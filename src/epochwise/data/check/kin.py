"""Which rows ask nearly the same: likeness of texts, told by rows."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from epochwise.data.check.near import near
from epochwise.data.check.wording import Wording


class Kin(NamedTuple):
    asked: list[int]
    """For each row which question it asks: the first row that asks it, by position."""
    near: dict[int, list[int]]
    """For such a first row the first rows of questions that are nearly the same."""

    templated: list[int]
    """Such first rows whose question is nearly all template."""

    def among(self, rows: Iterable[int], others: Iterable[int]) -> list[tuple[int, int]]:
        """Each of `rows` that has a near relative among `others`, with the first of these."""
        places: dict[int, int] = {}
        for row in others:
            places.setdefault(self.asked[row], row)
        found = []
        for row in rows:
            related = (
                places[first] for first in self.near.get(self.asked[row], ()) if first in places
            )
            nearest = min(related, default=None)
            found += [] if nearest is None else [(row, nearest)]
        return found


def kin(
    rows: Sequence[Wording],
    on_row: Callable[[int], None] = lambda count: None,
    *,
    among: Sequence[int] | None = None,
) -> Kin:
    """Relatives of all rows, or only among some of them.

    Args:
        on_row: Told of each row twice.
    """
    first: dict[str, int] = {}
    asked = [first.setdefault(each.question, row) for row, each in enumerate(rows)]
    questions, positions = list(first), list(first.values())
    on_row(2 * (len(rows) - len(questions)))
    number = {position: text for text, position in enumerate(positions)}
    some = None if among is None else [number[asked[row]] for row in among]
    found = near(questions, on_row, among=some)
    relatives: defaultdict[int, list[int]] = defaultdict(list)
    for one, other, _ in found.pairs:
        relatives[positions[one]].append(positions[other])
        relatives[positions[other]].append(positions[one])
    return Kin(asked, dict(relatives), [positions[text] for text in found.templated])
