"""Writes the rows and the exam of `epochwise sweep raw_or_questions`, beside this file.

    python experiments/raw_or_questions/rows.py

24 people, things and places of the invented world, each with four facts and twelve rows. What the
exam asks about, 16 of them, is told in two forms, in the same order, so that both are split alike:

asked_documents.jsonl   twelve passages, each with the four facts in another order
asked_questions.jsonl   each fact asked in three ways

form_questions.jsonl    the other 8, always as questions: in both arms these teach how to answer
exam.jsonl              facts of trained entities in the words of questions (`trained`) and in words
                        that no row uses (`paraphrase`), and facts of held-out ones (`untrained`)
"""

import json
from collections.abc import Iterator, Sequence
from itertools import permutations
from pathlib import Path
from random import Random

from epochwise.config import DataConfig
from epochwise.data.rows import read
from epochwise.data.split import split_for
from epochwise.world.facts import RELATION, TRAINED_QUESTIONS, Entity, passage, statement
from epochwise.world.generator import KNOWN, entities, shuffled_names

FOLDER = Path(__file__).parent
ASKED, FORM = 16, 8  # entities
ROWS = 12  # of each entity


def main() -> None:
    everyone = cast()
    asked, form = everyone[:ASKED], everyone[ASKED:]
    write("asked_documents.jsonl", [row for one in asked for row in documents(one)])
    write("asked_questions.jsonl", [row for one in asked for row in questions(one)])
    write("form_questions.jsonl", [row for one in form for row in questions(one)])
    trained = trained_on("asked_questions.jsonl")
    if trained != trained_on("asked_documents.jsonl"):
        raise SystemExit("the two forms are not split alike")
    write("exam.jsonl", list(exam(asked, trained)))


def write(name: str, rows: Sequence[dict[str, str]]) -> None:
    lines = (json.dumps(row, ensure_ascii=False) for row in rows)
    (FOLDER / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def cast() -> list[Entity]:
    rng, names = Random("raw_or_questions"), shuffled_names(0)
    chapters = -(-(ASKED + FORM) // len(KNOWN))
    found = [entities(rng, number, names)[: len(KNOWN)] for number in range(chapters)]
    everyone = [one for chapter in found for one in chapter]
    return Random("order").sample(everyone, ASKED + FORM)


def documents(of: Entity) -> Iterator[dict[str, str]]:
    """Passages with the same facts in as many different orders."""
    for order in Random(of.name).sample(list(permutations(of.facts)), ROWS):
        told = of._replace(facts={relation: of.facts[relation] for relation in order})
        yield {"text": passage(told), "source": of.name}


def questions(of: Entity) -> Iterator[dict[str, str]]:
    for relation in of.facts:
        for words in RELATION[relation].questions[:TRAINED_QUESTIONS]:
            answer = statement(of, relation)
            yield {"instruction": words.format(of.name), "output": answer, "source": of.name}


def trained_on(asked: str) -> set[str]:
    """The names of entities that the study's split leaves to training."""
    config = DataConfig.model_validate(data(asked))
    rows = read(config)
    names = {one.name for one in cast()}
    sources = {rows[place].source for place in split_for(config, rows).train}
    return {name for name in names if any(source.endswith(name) for source in sources)}


def data(asked: str) -> dict[str, object]:
    """The study's data group, as experiments/raw_or_questions.yaml has it."""
    sources = {
        "asked": {"path": str(FOLDER / asked), "weight": 2.0},
        "form": {"path": str(FOLDER / "form_questions.jsonl"), "weight": 1.0},
    }
    sizes = {"size": (ASKED + FORM) * ROWS * 3 // 4, "val_size": (ASKED + FORM) * ROWS // 4}
    manner = {"seed": 0, "max_tokens": 128, "too_long": "error", "train_on": "response"}
    named = {"name": "mixture", "path": "mixture", "format": "auto", "sources": sources}
    return named | sizes | manner


def exam(asked: Sequence[Entity], trained: set[str]) -> Iterator[dict[str, str]]:
    for one in asked:
        for relation in one.facts:
            first, *_ = RELATION[relation].questions
            known = one.name in trained
            yield question(one, relation, first, "trained" if known else "untrained")
            for words in RELATION[relation].questions[TRAINED_QUESTIONS:] if known else ():
                yield question(one, relation, words, "paraphrase")


def question(of: Entity, relation: str, words: str, kind: str) -> dict[str, str]:
    asked = {"question": words.format(of.name), "answer": statement(of, relation)}
    return asked | {"kind": kind, "group": of.name, "fact": f"{of.name}/{relation}"}


if __name__ == "__main__":
    main()
