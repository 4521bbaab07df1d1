"""Prompts that are answered in more than one way: no model can learn to give both."""

from collections import defaultdict
from collections.abc import Sequence

from epochwise.data.check.finding import Finding, Place, first_places
from epochwise.data.check.wording import Wording


def contradictions(rows: Sequence[Wording]) -> list[list[int]]:
    """For each such prompt the first row of each answer; prompts and answers are normalised."""
    answers: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for row, each in enumerate(rows):
        answers[each.prompt].setdefault(each.answer, row)
    return [list(different.values()) for different in answers.values() if len(different) > 1]


def contradiction_finding(rows: Sequence[Wording]) -> Finding:
    found = contradictions(rows)
    places = (
        Place(" / ".join(rows[row].place for row in different), rows[different[0]].row.question)
        for different in found
    )
    return Finding(
        "contradictions",
        "warning",
        len(found),
        "prompts have more than one answer",
        "keep the answer that is right; where several are, this is the loss that stays",
        first_places(places),
    )
