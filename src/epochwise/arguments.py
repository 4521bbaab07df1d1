"""What the commands read their flags with, and how they tell what is wrong."""

import argparse
import math
import sys
from collections.abc import Callable, Sequence

DONE, FAILED, MISTAKE, DIFFERS, INTERRUPTED = 0, 1, 2, 3, 130  # exit statuses


def whole(low: int) -> Callable[[str], int]:
    """What argparse reads a whole number with, `low` or more."""

    def read(text: str) -> int:
        if not text.isdecimal() or int(text) < low:
            raise argparse.ArgumentTypeError(f"{text}: must be a whole number, {low} or more")
        return int(text)

    return read


def number(low: float, high: float = math.inf) -> Callable[[str], float]:
    """What argparse reads a finite number with."""

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not low <= value <= high or math.isinf(value):
            bound = f"{low:g} or more" if math.isinf(high) else f"from {low:g} to {high:g}"
            raise argparse.ArgumentTypeError(f"{text}: must be a number, {bound}")
        return value

    return read


def names(text: str) -> tuple[str, ...]:
    """The names in a list with commas.

    Example:
        >>> names("keys, emails,")
        ('keys', 'emails')
    """
    return tuple(name.strip() for name in text.split(",") if name.strip())


def refuse(what: str, problems: Sequence[str]) -> int:
    """Says all problems on standard error, under `what`; returns the exit status."""
    print(f"epochwise: {what}", file=sys.stderr)
    for problem in problems:
        print(f"  {problem}", file=sys.stderr)
    return MISTAKE


def mistakes(problems: Sequence[str]) -> int:
    """Says what is wrong with settings; returns the exit status."""
    count = "1 mistake" if len(problems) == 1 else f"{len(problems)} mistakes"
    return refuse(f"{count} in the settings", problems)


def mistake(problem: str) -> int:
    """Says it on standard error; returns the exit status."""
    print(f"epochwise: {problem}", file=sys.stderr)
    return MISTAKE
