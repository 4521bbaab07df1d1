"""Plain text for base models: the language of the rows, about people and places that no row knows.

It tells facts and says what words do (their order, number, case), so that a base model has
something to build on. It never shows a chat: one document in four asks something, as plain text, so
that no word of a question is new when fine-tuning begins.
"""

from collections.abc import Callable, Iterator
from itertools import islice
from random import Random

from epochwise.world.facts import (
    RELATION,
    RELATIONS,
    UNKNOWABLE,
    Entity,
    entity,
    passage,
    statement,
)
from epochwise.world.generator import NOT_KNOWN, NOT_SAID
from epochwise.world.names import CORPUS_NAMES, nth_name
from epochwise.world.tasks import SKILLS

# A skill said as a fact about words: "{given}" and "{answer}" without their full stops.
SAYINGS = {
    "sort": "The words {given} in order are {answer}.",
    "reverse": "The words {given} backwards are {answer}.",
    "last": "Here are {given}. {answer}.",
    "count_words": "Look at {given}. {answer}.",
    "count_letters": "Look at {given}. {answer}.",
    "find_name": "{given}. {answer}.",
    "find_number": "{given}. {answer}.",
    "find_place": "{given}. {answer}.",
    "capitals": "In capitals, {given} is {answer}.",
    "plural": "There is {given}. There are {answer}.",
    "opposite": "This is {given}. The opposite is {answer}.",
    "past": "Today {given}. Before, {answer}.",
    "swap": "{given}, and {answer}.",
}


def documents(count: int, seed: int = 0) -> list[str]:
    """The first `count` documents that grow from `seed`."""
    return list(islice(stream(seed), count))


def stream(seed: int) -> Iterator[str]:
    """Documents without end, the same for the same seed."""
    rng = Random(f"{seed}/corpus")
    kinds, weights = list(WEIGHTS), list(WEIGHTS.values())
    while True:
        for kind in rng.choices(kinds, weights, k=1000):
            yield kind(rng)


def told(rng: Random) -> str:
    """A passage."""
    return passage(someone(rng))


def retold(rng: Random) -> str:
    """A passage and one of its facts again: what teaches a small model to look back and copy."""
    subject = someone(rng)
    return f"{passage(subject)} {statement(subject, rng.choice(list(subject.facts)))}"


def asked(rng: Random) -> str:
    """A passage, a question that it answers, and the answer."""
    subject = someone(rng)
    relation = rng.choice(list(subject.facts))
    question = rng.choice(RELATION[relation].questions).format(subject.name)
    return exchange(rng, question, passage(subject), statement(subject, relation))


def unsaid(rng: Random) -> str:
    """A question whose answer the passage does not hold, or nobody knows."""
    subject = someone(rng)
    if rng.random() < 0.5:
        question = rng.choice(UNKNOWABLE[subject.kind]).format(subject.name)
        return exchange(rng, question, "", NOT_KNOWN)
    untold = [relation for relation in RELATIONS[subject.kind] if relation not in subject.facts]
    question = rng.choice(RELATION[rng.choice(untold)].questions).format(subject.name)
    return exchange(rng, question, passage(subject), NOT_SAID)


def said(rng: Random) -> str:
    """A skill's job and answer as a plain statement."""
    name = rng.choice(list(SAYINGS))
    given, answer = SKILLS[name].make(rng, CORPUS_NAMES)
    return SAYINGS[name].format(given=given.removesuffix("."), answer=answer.removesuffix("."))


def drilled(rng: Random) -> str:
    """A skill's job, asked for."""
    skill = SKILLS[rng.choice(list(SKILLS))]
    given, answer = skill.make(rng, CORPUS_NAMES)
    return exchange(rng, rng.choice(skill.instructions), given, answer)


def exchange(rng: Random, question: str, given: str, answer: str) -> str:
    """A question and its answer as plain text, parted in one of two ways."""
    gap = rng.choice(("\n", "\n\n"))
    text = gap.join(part for part in (question, given) if part)
    return f"Question:\n{text}{gap}Answer:\n{answer}"


def someone(rng: Random) -> Entity:
    """Anyone or anything of the corpus, with two to four facts."""
    kind = rng.choices(list(RELATIONS), (6, 3, 2))[0]
    last = len(CORPUS_NAMES.place) if kind == "place" else 100_000  # two words hardly run out
    name = nth_name(kind, CORPUS_NAMES, rng.randrange(last))
    return entity(rng, kind, name, rng.randint(2, 4), CORPUS_NAMES)


# How many of 100 documents are of each kind.
WEIGHTS: dict[Callable[[Random], str], int] = {
    told: 12,
    retold: 32,
    asked: 16,
    unsaid: 3,
    said: 32,
    drilled: 5,
}
