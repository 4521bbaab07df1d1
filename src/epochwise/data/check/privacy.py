"""Rows with private data; the values themselves are shown nowhere."""

from collections.abc import Sequence

from epochwise.data.check.finding import Finding, Severity, first_places
from epochwise.data.check.private import kinds
from epochwise.data.check.wording import Wording, texts

NAMES: dict[str, tuple[str, Severity]] = {
    "key": ("keys", "warning"),
    "e-mail address": ("emails", "note"),
    "telephone number": ("phones", "note"),
}


def privacy_findings(rows: Sequence[Wording]) -> list[Finding]:
    found = {row: counts for row, each in enumerate(rows) if (counts := kinds(texts(each.row)))}
    return [
        Finding(
            name,
            severity,
            sum(kind in counts for counts in found.values()),
            f"rows hold what looks like a {kind}".replace("a e-", "an e-"),
            "a model can learn it by heart and tell it; --fix writes a placeholder instead",
            first_places(
                f"{rows[row].place}: {counts[kind]} x [{kind}]"
                for row, counts in found.items()
                if kind in counts
            ),
            sum(kind in counts for counts in found.values()) / max(1, len(rows)),
        )
        for kind, (name, severity) in NAMES.items()
    ]
