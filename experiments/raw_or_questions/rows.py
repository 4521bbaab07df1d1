"""Writes the rows and the exam of `epochwise sweep raw_or_questions`, beside this file.

    python experiments/raw_or_questions/rows.py

24 people, things and places of the invented world, each with four facts, in three forms with as
many rows of each entity (12), in the same order, so that all are split alike:

documents.jsonl   all as text: twelve passages, each with the four facts in another order
mixed.jsonl       the 8 that the exam asks about as text, the others as questions
questions.jsonl   all as questions: each fact asked in three ways

exam.jsonl asks for the facts of those 8 in the words of questions.jsonl (`trained`), in words that
no row uses (`paraphrase`), and for facts of the 8 entities held out for validation (`untrained`).
"""

import json
from collections.abc import Iterator
from itertools import permutations
from pathlib import Path
from random import Random

from epochwise.data.formats import Row, exchange
from epochwise.data.split import split
from epochwise.world.facts import RELATION, TRAINED_QUESTIONS, Entity, passage, statement
from epochwise.world.generator import KNOWN, entities, shuffled_names

FOLDER = Path(__file__).parent
ENTITIES, ASKED, HELD_OUT = 24, 8, 8
ROWS = 12  # of each entity
SEED = 0  # data.seed of the study: it decides which entities are held out


def main() -> None:
    for name, content in files().items():
        lines = (json.dumps(row, ensure_ascii=False) for row in content)
        (FOLDER / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def files() -> dict[str, list[dict[str, str]]]:
    """The rows of each file."""
    everyone = cast()
    trained, held_out = parted(everyone)
    asked = {one.name for one in trained[:ASKED]}
    told = [[*documents(one)] for one in everyone]
    put = [[*questions(one)] for one in everyone]
    mixed = [told[n] if one.name in asked else put[n] for n, one in enumerate(everyone)]
    return {
        "documents.jsonl": [row for rows in told for row in rows],
        "mixed.jsonl": [row for rows in mixed for row in rows],
        "questions.jsonl": [row for rows in put for row in rows],
        "exam.jsonl": [*exam(trained[:ASKED], held_out)],
    }


def cast() -> list[Entity]:
    rng, names = Random("raw_or_questions"), shuffled_names(SEED)
    chapters = -(-ENTITIES // len(KNOWN))
    known = [
        one for number in range(chapters) for one in entities(rng, number, names)[: len(KNOWN)]
    ]
    return known[:ENTITIES]


def parted(everyone: list[Entity]) -> tuple[list[Entity], list[Entity]]:
    """Those that are trained on and those held out, as the split of the study will have it."""
    rows: list[Row] = [
        exchange(row["instruction"], row["output"])._replace(source=row["source"])
        for one in everyone
        for row in questions(one)
    ]
    size, val_size = (ENTITIES - HELD_OUT) * ROWS, HELD_OUT * ROWS
    parts = split(rows, size=size, val_size=val_size, seed=SEED)
    held_out = {rows[place].source for place in parts.val}
    trained = [one for one in everyone if one.name not in held_out]
    return trained, [one for one in everyone if one.name in held_out]


def documents(of: Entity) -> Iterator[dict[str, str]]:
    """Passages with the same facts in as many different orders."""
    orders = list(permutations(of.facts))
    for order in Random(of.name).sample(orders, ROWS):
        told = of._replace(facts={relation: of.facts[relation] for relation in order})
        yield {"text": passage(told), "source": of.name}


def questions(of: Entity) -> Iterator[dict[str, str]]:
    for relation in of.facts:
        for words in RELATION[relation].questions[:TRAINED_QUESTIONS]:
            answer = statement(of, relation)
            yield {"instruction": words.format(of.name), "output": answer, "source": of.name}


def exam(asked: list[Entity], held_out: list[Entity]) -> Iterator[dict[str, str]]:
    for one in asked:
        for relation in one.facts:
            first, *_ = RELATION[relation].questions
            yield question(one, relation, first, "trained")
            for words in RELATION[relation].questions[TRAINED_QUESTIONS:]:
                yield question(one, relation, words, "paraphrase")
    for one in held_out:
        for relation in one.facts:
            yield question(one, relation, RELATION[relation].questions[0], "untrained")


def question(of: Entity, relation: str, words: str, kind: str) -> dict[str, str]:
    asked = {"question": words.format(of.name), "answer": statement(of, relation)}
    return asked | {"kind": kind, "group": of.name, "fact": f"{of.name}/{relation}"}


if __name__ == "__main__":
    main()
