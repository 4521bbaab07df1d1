"""Which verdicts planted histories get, and how long 10,000 of them take on one core.

    python benchmarks/verdicts.py

Truth is known because the histories are made up (tests/diagnose/curves.py); nothing was tuned to
histories of real trainings.
"""

import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from diagnose.curves import TRUTHS, planted

from epochwise.diagnose.verdict import Verdict, judge_history

LENGTHS = (5, 8, 12, 20, 50, 120, 300, 1000)
REPEATS = 20
SHORT = {"oscillating": "unstable", "spiky": "unstable", "memorising": "memorised"}


def seen(verdict: Verdict, truth: str) -> str:
    """The truth where the verdict names it; else its headline."""
    if truth in SHORT:
        return truth if SHORT[truth] in verdict.flags else verdict.verdict
    if "unstable" in verdict.flags and verdict.verdict == "healthy":
        return "oscillating"
    return verdict.verdict


def confusion(noise: float, repeats: int) -> dict[str, Counter[str]]:
    rng = np.random.default_rng(0)
    table: dict[str, Counter[str]] = {truth: Counter() for truth in TRUTHS}
    for truth in TRUTHS:
        for points in LENGTHS * repeats:
            made = planted(truth, rng, points=points, noise=noise)
            table[truth][seen(judge_history(made.history), truth)] += 1
    return table


def macro_f1(table: Mapping[str, Counter[str]]) -> float:
    scores = []
    for truth in table:
        named = sum(row[truth] for row in table.values())
        right, made = table[truth][truth], sum(table[truth].values())
        scores.append(2 * right / (named + made))
    return float(np.mean(scores))


def wrong(table: Mapping[str, Counter[str]]) -> float:
    """The share of verdicts that are neither the truth nor inconclusive."""
    made = sum(sum(row.values()) for row in table.values())
    right = sum(table[truth][truth] + table[truth]["inconclusive"] for truth in table)
    return 1 - right / made


def shown(table: Mapping[str, Counter[str]], columns: Sequence[str]) -> str:
    head = f"{'truth':16}" + "".join(f"{name[:12]:>14}" for name in columns)
    lines = [
        f"{truth:16}" + "".join(f"{row[name]:14}" for name in columns)
        for truth, row in table.items()
    ]
    return "\n".join([head, *lines])


def main() -> None:
    begin, judged = time.process_time(), 0
    for noise in (0.0, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0):
        table = confusion(noise, REPEATS)
        judged += sum(sum(row.values()) for row in table.values())
        print(f"\nnoise {noise:.0%} of the fall: macro-F1 {macro_f1(table):.3f},")
        print(f"{wrong(table):.1%} of the verdicts neither right nor inconclusive")
        print(shown(table, [*TRUTHS, "inconclusive"]))
    seconds = (time.process_time() - begin) / judged * 10_000
    print(f"\n10,000 histories of {min(LENGTHS)} to {max(LENGTHS)} points: {seconds:.0f} s")


if __name__ == "__main__":
    main()
