"""The rows that a model has grown so far: the good, the bad, and what was left out."""

from collections import Counter
from collections.abc import Mapping, Sequence

from epochwise.endpoint import JSON
from epochwise.evaluate.refusal import Refusals
from epochwise.evaluate.words import tokens
from epochwise.make.near import NEAR, Neighbours

REFUSED = "a refusal"
SHORT = "too short a question"
SHORTEST = 2  # words; signs where a script writes no spaces
ALIKE = "nearly the same as an earlier row"


class Pool:
    """Decides row by row, in the order of requests: the same journal gives the same rows."""

    def __init__(self, seeds: Sequence[JSON], refusals: Refusals) -> None:
        self.seeds = list(seeds)
        self.rows: list[JSON] = []
        """All that were taken; a row's place here is its number for good."""
        self.bad: dict[int, str] = {}
        """Rows that a person has marked, and why."""
        self.left_out: Counter[str] = Counter()
        self.requests = 0
        self.barren = 0
        """Requests in a row that gave nothing."""
        self._refusals = refusals
        self._asked = Neighbours(question(row) for row in seeds)

    @property
    def good(self) -> list[JSON]:
        return [row for number, row in enumerate(self.rows) if number not in self.bad]

    def add(self, entry: JSON) -> None:
        """Take what is new of a request's rows: ROUGE-L under 0.7 with all before (2212.10560)."""
        self.left_out.update(entry["left_out"])
        taken = 0
        for row in entry["rows"]:
            if self._refusals.refuses(row["output"]):
                self.left_out[REFUSED] += 1
            elif len(tokens(question(row))) < SHORTEST:
                self.left_out[SHORT] += 1
            elif self._asked.nearest(question(row), least=NEAR):
                self.left_out[ALIKE] += 1
            else:
                self.rows.append(row)
                self._asked.add(question(row))
                taken += 1
        self.requests += 1
        self.barren = 0 if taken else self.barren + 1

    def mark(self, marks: Mapping[int, str]) -> None:
        """Bad rows are no rows any more, but nothing like them is taken either."""
        self.bad.update(marks)


def question(row: JSON) -> str:
    return f"{row['instruction']}\n{row['input']}".strip()
