"""One thing that the check looked for, and what it found."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any, Literal, NamedTuple

from epochwise.data.check.private import redacted

Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")
NAMES = (
    *("empty", "unreadable", "too_few_rows"),
    *("duplicates_exact", "duplicates_normalised", "duplicates_near", "templated"),
    *("leaks_validation_exact", "leaks_validation_normalised", "leaks_validation_near"),
    *("leaks_test_exact", "leaks_test_normalised", "leaks_test_near"),
    *("contradictions", "refused_by_template", "too_long", "nothing_scored"),
    *("mixed_languages", "answers_in_another_language", "control_tokens", "foreign_markers"),
    *("keys", "emails", "phones"),
)
PLACES = 20  # that a finding names: all of them stand in the log of --fix
SHOWN = 100  # characters of a text


@dataclass(frozen=True)
class Finding:
    """`severity`: error would make results wrong, warning may, note is worth to know."""

    name: str
    severity: Severity
    count: int
    """Rows, or pairs or prompts where `what` says so; 0 for looked for and not found."""
    what: str
    """A sentence that says what was counted."""
    remedy: str
    places: tuple[str, ...] = ()
    """Where, and what of the text may be shown: the first few."""
    share: float | None = None
    """Of the rows that were looked at."""

    def json(self) -> dict[str, Any]:
        return asdict(self)


class Place(NamedTuple):
    row: str
    text: str = ""

    def __str__(self) -> str:
        return f"{self.row}: {shown(self.text)}" if self.text else self.row


def first_places(places: Iterable[object]) -> tuple[str, ...]:
    return tuple(str(place) for place in islice(places, PLACES))


def shown(text: str, limit: int = SHOWN) -> str:
    r"""One line of a text that may be printed: no private data, no control signs, not too long.

    Example:
        >>> shown("mail ann@example.org\nnow")
        'mail [e-mail address] now'
    """
    safe = redacted(text)[: 4 * limit]
    plain = " ".join("".join(sign if sign.isprintable() else " " for sign in safe).split())
    return plain if len(plain) <= limit else plain[: limit - 3] + "..."


def worst(findings: Sequence[Finding]) -> Severity | None:
    """The gravest severity of what was found; None where nothing was."""
    there = {finding.severity for finding in findings if finding.count}
    return next((severity for severity in SEVERITIES if severity in there), None)
