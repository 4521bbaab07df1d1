"""Invented names, halved: one half for rows, the other for the corpus that base models learn from.

A name is a head and a tail. Half of all pairs belong to each side, chosen so that every head and
every tail occurs on both: a base model knows the pieces of a name that it has never read.
"""

# ruff: noqa: SIM905  (a line of words reads better than a list of quotes)

from random import Random
from typing import NamedTuple

# Heads of one kind begin alike and no two tails are the same, so no name has two readings.
FIRST_HEADS = tuple(
    "Mi To Ka Le Ri Sa No Du Be Fa Jo Lu Ne Pa Ro Si Ta Ve Wi Yo Za Do Ga He".split()
)
FIRST_TAILS = tuple(
    "ra len vik na dor sha mo lin tas bel ko ris den ja gan wen lo mar tu pio".split()
)
LAST_HEADS = tuple(
    "Tol Bar Ves Kor Mel Dan Fer Gil Hol Jas Lor Mur Nev Pol Ras Sel Tam Vor Wes Zel Bur Cal "
    "Dor Ful".split()
)
LAST_TAILS = tuple(
    "ven kin strom dal gard lek mund nov per quist rick sen tano vek zar bo fin "
    "hart ius lund".split()
)
PLACE_HEADS = tuple(
    "Osk Ald Bren Crow Dun Elm Fal Glen Harr Ink Kel Lang Mor Nor Oak Pen Quar Rav Stan Thor "
    "Ull Vale Whit Yar Ash Birk Clay Drum Gran Tarn Holt Lin".split()
)
PLACE_TAILS = tuple(
    "mere wick ford ton ham by port field stead mouth burg haven dale cliff wood shore gate moor "
    "crest brook stow thwaite holm ness worth water bury combe".split()
)
THING_HEADS = tuple("El Or Ar Um Is Ev Al Ib Ek Un Od Ys Am Ur Ix Ab".split())
THING_TAILS = tuple("kadi dis vane tor mia bane zu phor rilo gon sela thi nuk cai deo wyn".split())
THINGS = tuple("bell clock lamp ship harp crown sword mask statue wagon drum mill".split())


class Names(NamedTuple):
    """The name words of one side of the world."""

    first: list[str]
    last: list[str]
    place: list[str]
    thing: list[str]


def half(heads: tuple[str, ...], tails: tuple[str, ...], side: int) -> list[str]:
    """The names of one side: head i and tail j meet where i + j is even (side 0) or odd (side 1).

    Example:
        >>> half(("Mi", "To"), ("ra", "len"), 0)
        ['Mira', 'Tolen']
    """
    return [
        head + tail
        for i, head in enumerate(heads)
        for j, tail in enumerate(tails)
        if (i + j) % 2 == side
    ]


def names(side: int) -> Names:
    """All names of one side."""
    return Names(
        first=half(FIRST_HEADS, FIRST_TAILS, side),
        last=half(LAST_HEADS, LAST_TAILS, side),
        place=half(PLACE_HEADS, PLACE_TAILS, side),
        thing=half(THING_HEADS, THING_TAILS, side),
    )


ROW_NAMES = names(0)
CORPUS_NAMES = names(1)


def person(rng: Random, pool: Names) -> str:
    """A first and a last name."""
    return f"{rng.choice(pool.first)} {rng.choice(pool.last)}"


def nth_name(kind: str, pool: Names, index: int) -> str:
    """The name of the index-th entity of a kind: no two alike, and no search for a free one.

    The second word moves one further each time the first has been through, so the pairs only
    repeat after len(first) * len(second) names. Towns have one word and end with their list.
    """
    match kind:
        case "place":
            return pool.place[index]
        case "thing":
            turn, at = divmod(index, len(pool.thing))
            return f"the {pool.thing[at]} {THINGS[(at + turn) % len(THINGS)]}"
        case _:
            turn, at = divmod(index, len(pool.first))
            return f"{pool.first[at]} {pool.last[(at + turn) % len(pool.last)]}"
