"""Verdicts on files, as a person reads them."""

from collections.abc import Sequence

from rich.console import Group
from rich.markup import escape
from rich.table import Table

from epochwise.diagnose.history.read import Judged

TONES = {"healthy": "green", "inconclusive": "cyan", "still_improving": "cyan"}


def told(results: Sequence[Judged]) -> Group:
    """A row a file, and below it what each verdict rests on and what to do."""
    table = Table("file", "verdict", "best", "rise from", "rise", "sure", pad_edge=False)
    for result in results:
        verdict = result.verdict
        flags = "".join(f"\n+ {flag}" for flag in verdict.flags)
        table.add_row(
            escape(result.file),
            f"[{TONES.get(verdict.verdict, 'red')}]{verdict.verdict}[/]{flags}",
            f"{result.axis} {verdict.best_epoch:.6g}",
            _onset(result),
            f"{verdict.rise:.4g}",
            "" if verdict.confidence is None else f"{min(verdict.confidence, 0.999):.1%}",
        )
    advice = [f"{escape(r.file)}: {escape(r.verdict.reasons[0].advice)}" for r in results]
    return Group(table, *advice)


def _onset(result: Judged) -> str:
    verdict = result.verdict
    if verdict.onset_epoch is None:
        return ""
    interval = verdict.onset_interval
    span = "" if interval is None else f" ({interval[0]:.4g} to {interval[1]:.4g})"
    return f"{verdict.onset_epoch:.4g}{span}"
