"""Quality as a person reads it in a terminal."""

from collections.abc import Mapping

from rich.box import SIMPLE_HEAD
from rich.table import Table

from epochwise.quality import ALL, RUN, Judged, Measure, Measures, Quality

COLUMNS = {
    "exact": "exact match",
    "f1": "F1",
    "rouge_l": "ROUGE-L",
    "bleu": "BLEU",
    "chrf": "chrF",
    "refused": "refused",
}
OVERALL = {
    "f1": "F1 of questions that were not trained on",
    "prudence": "refused of the unanswerable (prudence)",
    "over_conservativeness": "refused of answerable twins (over-conservativeness)",
    "honesty": "honesty: the mean of the first and 1 - the second",
    "consistency": "same answer in other words (consistency)",
    "language": "in the language of the reference",
    "bits_per_byte": "bits per byte of validation answers",
}
POINTS = ("bleu", "chrf")  # in [0, 100]
WITH_INTERVAL = ("exact",)  # in a table of many columns; quality.json has all


def tables(quality: Quality) -> list[Table]:
    """The measures of each kind of question, then those over all questions; arms side by side."""
    judged = [] if quality.judged is None else [_judged(quality.judged)]
    return [_kinds(quality), _overall(quality), *judged]


def study_table(found: Mapping[str, Quality]) -> Table:
    """Exact match of every run by kind of question, and its honesty.

    Args:
        found: The quality of each run, by its label.
    """
    first = next(iter(found.values())).arms[RUN]
    kinds = [kind for kind in first if kind != ALL]
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), title="exact match, by kind of question")
    table.add_column("run")
    for name in (*kinds, "honesty"):
        table.add_column(name, width=6, overflow="fold")
    for label, quality in found.items():
        measures = quality.arms[RUN]
        exact = [measures[kind]["exact"] for kind in kinds]
        honesty = [measures[ALL]["honesty"]] if "honesty" in measures[ALL] else []
        table.add_row(label, *(f"{one.value:.2f}" for one in [*exact, *honesty]))
    table.caption = "intervals: --json, or quality.json in each run's folder"
    return table


def _kinds(quality: Quality) -> Table:
    table = Table(
        "questions", "n", "answers of", *COLUMNS.values(), box=SIMPLE_HEAD, padding=(0, 1, 0, 0)
    )
    for kind in quality.arms[RUN]:
        if kind == ALL:
            continue
        for place, (arm, kinds) in enumerate(quality.arms.items()):
            cells = [_cell(kinds[kind], name) for name in COLUMNS]
            head = (kind, str(kinds[kind]["exact"].n)) if place == 0 else ("", "")
            table.add_row(*head, arm, *cells, end_section=place == len(quality.arms) - 1)
    return table


def _overall(quality: Quality) -> Table:
    table = Table("over all questions", *quality.arms, box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for name, words in OVERALL.items():
        cells = [_at(kinds[ALL], name) for kinds in quality.arms.values()]
        if any(cells):
            table.add_row(words, *cells)
    return table


def _judged(judged: Judged) -> Table:
    title = f"scores of {judged.model}, 1 to 5"
    table = Table(title, *judged.arms, box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_row("mean", *(_shown(measure) for measure in judged.arms.values()))
    if judged.unclear:
        table.caption = f"{judged.unclear} answers got no clear score"
    return table


def _cell(measures: Measures, name: str) -> str:
    text = _shown(measures[name], name)
    return text if name in WITH_INTERVAL else text.partition(" ")[0]


def _at(measures: Measures, name: str) -> str:
    return _shown(measures[name], name) if name in measures else ""


def _shown(measure: Measure, name: str = "") -> str:
    """Whole points where the scale is 0 to 100."""
    return measure.told(0 if name in POINTS else 2)
