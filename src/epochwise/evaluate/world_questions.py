"""Questions about the embedded world, which tell knowledge from rote and from guessing.

kind                where it comes from                                        right is
trained             facts of training rows, in the words of training           the fact
paraphrase          the same facts, in words that no row uses                  the fact
untrained           facts about others, of validation rows                     not to be known
open_book, skill    validation rows: other passages, new jobs                  read, or worked out
unanswerable        validation rows whose passage is silent, and questions     a refusal
                    about trained people that nobody could answer
"""

from collections.abc import Iterator, Sequence
from itertools import islice

from epochwise.data.formats import Row
from epochwise.evaluate.question import Question
from epochwise.world.facts import RELATION, RELATIONS, UNKNOWABLE
from epochwise.world.generator import NOT_KNOWN, held_out

KNOWN = ("open_book", "skill")  # kinds whose validation rows keep their name


def questions(train: Sequence[Row], val: Sequence[Row], *, limit: int) -> list[Question]:
    """At most `limit` facts or rows of each kind; paraphrases and originals are of one fact."""
    trained = list(islice(_facts(train, "trained"), limit))
    return [
        *trained,
        *(other for question in trained for other in _paraphrases(question)),
        *islice(_facts(val, "untrained"), limit),
        *(one for kind in KNOWN for one in islice(_of_kind(val, kind), limit)),
        *_unanswerable(train, val, limit),
    ]


def fact(row: Row) -> str:
    """The id of what a closed-book row asks for, as the generator names it; empty for others."""
    if row.kind != "closed_book":
        return ""
    for relation, known in RELATION.items():
        if row.asked.content in (words.format(row.source) for words in known.questions):
            return f"{row.source}/{relation}"
    return ""


def _facts(rows: Sequence[Row], kind: str) -> Iterator[Question]:
    """The first row of each fact."""
    seen: set[str] = set()
    for row in rows:
        if (asked := fact(row)) and asked not in seen:
            seen.add(asked)
            yield Question(row, (row.answer,), kind, row.source, asked, True)


def _paraphrases(question: Question) -> list[Question]:
    asked = {"fact": question.fact, "instruction": question.row.asked.content}
    return [
        question._replace(row=question.row.asking(other["instruction"]), kind="paraphrase")
        for other in held_out(asked)
    ]


def _of_kind(rows: Sequence[Row], kind: str) -> Iterator[Question]:
    return (
        Question(row, (row.answer,), kind, row.source, "", kind != "unanswerable")
        for row in rows
        if row.kind == kind
    )


def _unanswerable(train: Sequence[Row], val: Sequence[Row], limit: int) -> list[Question]:
    """Half from silent passages, half about people whom the run was told of.

    Both have twins that can be answered: open-book rows of the same passage, and the trained facts.
    """
    silent = (one for one in _of_kind(val, "unanswerable") if one.row.asked.input)
    return [*islice(silent, limit // 2), *islice(_unknowable(train), limit - limit // 2)]


def _unknowable(train: Sequence[Row]) -> Iterator[Question]:
    """What nobody could know about each trained person, thing or place, and no row asks."""
    asked = {row.asked.content for row in train}
    for told in _facts(train, "unanswerable"):
        name, relation = told.fact.split("/")
        kind = next(kind for kind, known in RELATIONS.items() if relation in known)
        for words in UNKNOWABLE[kind]:
            instruction = words.format(name)
            if instruction not in asked:
                asked.add(instruction)
                row = told.row.asking(instruction).answering(NOT_KNOWN)
                yield told._replace(row=row, references=(NOT_KNOWN,), fact="", answerable=False)
                break
