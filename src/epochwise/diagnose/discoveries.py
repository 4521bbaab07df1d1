"""Which verdicts of a grid stand, given how many were made."""

from collections.abc import Sequence

from epochwise.record import Record

RATE = 0.10  # of the verdicts that stand, the share that may be chance
CLAIMS = {"diverged", "overfit_loss", "no_learning", "still_improving"}


def doubtful(records: Sequence[Record]) -> tuple[str, ...]:
    """Runs whose verdict may be chance, as one would expect among so many (Benjamini-Hochberg).

    A verdict's p is 1 - its confidence. Runs that were found healthy, or open, count as tests
    that showed nothing.
    """
    claims = {record.id: 1 - confidence for record in records for confidence in _claimed(record)}
    judged = sum(record.verdict is not None for record in records)
    stand = _standing(list(claims.values()), judged)
    return tuple(run for run, p in claims.items() if p > stand)


def _claimed(record: Record) -> list[float]:
    """The confidence of a verdict that claims something; nothing of any other."""
    verdict = record.verdict or {"verdict": None}
    if verdict["verdict"] not in CLAIMS or verdict["confidence"] is None:
        return []
    return [float(verdict["confidence"])]


def _standing(ps: Sequence[float], tests: int) -> float:
    """The largest p that stands: the last that is at most `RATE` times its place over all."""
    ordered = sorted(ps)
    kept = [p for place, p in enumerate(ordered, 1) if p <= RATE * place / tests]
    return max(kept, default=-1.0)
