"""Held-out rows that training has seen: what they measure is memory."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from epochwise.data.check.finding import Finding, Place, Severity, first_places
from epochwise.data.check.kin import Kin, kin
from epochwise.data.check.wording import Wording, raw_prompt, wordings
from epochwise.data.formats import Row
from epochwise.data.split import Split

# Share of held-out rows that are nearly known, from which their loss misleads: where known rows
# have a loss 1 nat lower, it is moved by 0.01 nats, about what a verdict takes for a rise.
GRAVE = 0.01
TELLING = 100_000  # rows: 100 MB or so


class Leak(NamedTuple):
    """Positions in the list of all rows, the test rows last."""

    held_out: int
    known: int


class Leaks(NamedTuple):
    exact: list[Leak]
    normalised: list[Leak]
    near: list[Leak]


def leaks(
    rows: Sequence[Wording], held_out: Sequence[int], known: Sequence[int], related: Kin
) -> Leaks:
    """Each held-out row whose prompt is known, once, under the plainest likeness."""
    exact = _same(held_out, known, [raw_prompt(each.row) for each in rows])
    found = {leak.held_out for leak in exact}
    rest = [row for row in held_out if row not in found]
    normalised = _same(rest, known, [each.prompt for each in rows])
    found |= {leak.held_out for leak in normalised}
    rest = [row for row in rest if row not in found]
    return Leaks(exact, normalised, [Leak(*pair) for pair in related.among(rest, known)])


def grave_leak(rows: Sequence[Row], parts: Split) -> str:
    """What makes the validation loss of this split misleading; empty where nothing does.

    Rows with the same prompt are on one side already, so only near copies are looked for. What is
    a template the first rows tell as well, as many as fit into memory anywhere.
    """
    looked_at = sorted({*parts.val, *parts.train, *range(min(len(rows), TELLING))})
    at = {row: number for number, row in enumerate(looked_at)}
    val, train = ([at[row] for row in side] for side in (parts.val, parts.train))
    related = kin(wordings([rows[row] for row in looked_at]), among=[*val, *train])
    found = [(looked_at[row], looked_at[other]) for row, other in related.among(val, train)]
    if len(found) <= GRAVE * len(parts.val):
        return ""
    places = "; ".join(f"{rows[row].place} ~ {rows[other].place}" for row, other in found[:3])
    more = f"; and {len(found) - 3} more" if len(found) > 3 else ""
    return (
        f"{len(found)} of {len(parts.val)} validation rows ask nearly what a training row asks"
        f" ({places}{more}), so their loss would be too good"
    )


def leak_findings(
    rows: Sequence[Wording], found: Leaks, held_out: int, *, of: str, remedy: str
) -> list[Finding]:
    """`of`: `test` or `validation`."""
    is_grave = len(found.near) > GRAVE * held_out
    kinds: list[tuple[str, Severity, list[Leak], str]] = [
        ("exact", "error", found.exact, "letter for letter"),
        ("normalised", "error", found.normalised, "but for case, punctuation and spaces"),
        ("near", "error" if is_grave else "warning", found.near, "nearly (Jaccard index of 0.8)"),
    ]
    return [
        Finding(
            f"leaks_{of}_{kind}",
            severity,
            len(leaks),
            f"{of} rows ask what a training row asks, {words}",
            remedy,
            _places(rows, leaks),
            len(leaks) / max(1, held_out),
        )
        for kind, severity, leaks, words in kinds
    ]


def _same(held_out: Iterable[int], known: Iterable[int], keys: Sequence[object]) -> list[Leak]:
    first: dict[object, int] = {}
    for row in known:
        first.setdefault(keys[row], row)
    return [Leak(row, first[keys[row]]) for row in held_out if keys[row] in first]


def _places(rows: Sequence[Wording], leaks: Sequence[Leak]) -> tuple[str, ...]:
    return first_places(
        Place(f"{rows[row].place} ~ {rows[known].place}", rows[row].row.question)
        for row, known in leaks
    )
