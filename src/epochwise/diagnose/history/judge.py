"""Verdicts on many files; one that cannot be read stops no other."""

from collections.abc import Iterable
from pathlib import Path

from epochwise.diagnose.history.columns import Names
from epochwise.diagnose.history.read import Judged, judged


def judgements(paths: Iterable[Path], names: Names) -> tuple[list[Judged], list[str]]:
    """The verdicts, and for each file without one what is wrong with it."""
    results, problems = [], []
    for path in paths:
        try:
            results.append(judged(path, names))
        except FileNotFoundError:
            problems.append(f"{path}: there is no such file")
        except (ValueError, OSError) as error:
            problems.append(f"{path}: {error}")
    return results, problems
