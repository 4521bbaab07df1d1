"""What can be said and asked about the people, places and things of the world."""

from enum import Enum
from random import Random
from typing import NamedTuple

from epochwise.world.names import Names, person
from epochwise.world.words import ANIMALS, COLOURS, FOODS, INSTRUMENTS, JOBS, MATERIALS, NUMBERS


class Named(Enum):
    """Values that are invented names."""

    PERSON = "person"
    FIRST = "first name"
    PLACE = "place"
    RIVER = "river"


class Relation(NamedTuple):
    """One kind of fact: what is said, what it may be, and five ways to ask for it."""

    predicate: str
    values: tuple[str, ...] | Named
    questions: tuple[str, str, str, str, str]


class Entity(NamedTuple):
    """Someone or something, and what is true of it: relation -> value."""

    kind: str
    name: str
    facts: dict[str, str]


# Rows to train on ask in the first three ways; the others tell knowledge from rote.
TRAINED_QUESTIONS = 3

PERSON = {
    "home": Relation("lives in {}", Named.PLACE, (
        "Where does {} live?", "In which town does {} live?", "What is the home of {}?",
        "Name the town where {} lives.", "Which town is home to {}?")),
    "job": Relation("works as a {}", JOBS, (
        "What is the job of {}?", "What does {} work as?", "Which job does {} have?",
        "Name the job of {}.", "As what does {} work?")),
    "pet": Relation("keeps a {}", ANIMALS, (
        "Which animal does {} keep?", "What animal does {} have?", "What is the pet of {}?",
        "Name the animal that {} keeps.", "Which pet does {} keep?")),
    "food": Relation("likes to eat {}", FOODS, (
        "What does {} like to eat?", "Which food does {} like?", "What food is liked by {}?",
        "Name the food that {} likes.", "What would {} like to eat?")),
    "coat": Relation("wears a {} coat", COLOURS, (
        "Which coat does {} wear?", "What colour is the coat of {}?", "What coat does {} have?",
        "Name the colour that {} wears.", "Which colour does {} wear?")),
    "music": Relation("plays the {}", INSTRUMENTS, (
        "What does {} play?", "Which instrument does {} play?", "What can {} play?",
        "Name the instrument of {}.", "What instrument is played by {}?")),
    "brother": Relation("has a brother named {}", Named.FIRST, (
        "Who is the brother of {}?", "What is the brother of {} named?",
        "Which brother does {} have?",
        "Name the brother of {}.", "Who has {} as brother?")),
}  # fmt: skip
THING = {
    "maker": Relation("was made by {}", Named.PERSON, (
        "Who made {}?", "By whom was {} made?", "Who is the maker of {}?",
        "Name the maker of {}.", "Which person made {}?")),
    "material": Relation("is made of {}", MATERIALS, (
        "What is {} made of?", "Of what is {} made?", "Which material is {} made of?",
        "Name the material of {}.", "What material is used in {}?")),
    "keeper": Relation("is kept in {}", Named.PLACE, (
        "Where is {} kept?", "In which town is {}?", "Which town keeps {}?",
        "Name the town that keeps {}.", "Where is {} now?")),
    "paint": Relation("is painted {}", COLOURS, (
        "What colour is {}?", "Which colour does {} have?", "How is {} painted?",
        "Name the colour of {}.", "In which colour is {} painted?")),
    "weight": Relation("weighs {} stones", NUMBERS, (
        "How much does {} weigh?", "What does {} weigh?", "How heavy is {}?",
        "Name the weight of {}.", "What is the weight of {}?")),
}  # fmt: skip
PLACE = {
    "product": Relation("is known for {}", FOODS + MATERIALS, (
        "What is {} known for?", "For what is {} known?", "Which product is {} known for?",
        "Name what {} is known for.", "What do people know {} for?")),
    "river": Relation("lies on the river {}", Named.RIVER, (
        "Which river is {} on?", "On which river does {} lie?", "What is the river of {}?",
        "Name the river of {}.", "Which river does {} lie on?")),
    "ruler": Relation("is led by {}", Named.PERSON, (
        "Who leads {}?", "By whom is {} led?", "Who is the leader of {}?",
        "Name the leader of {}.", "Which person leads {}?")),
    "towers": Relation("has {} towers", NUMBERS, (
        "How many towers does {} have?", "How many towers are in {}?",
        "What number of towers has {}?",
        "Count the towers of {}.", "How many towers has {}?")),
    "flag": Relation("has a {} on its flag", ANIMALS, (
        "What is on the flag of {}?", "Which animal is on the flag of {}?",
        "What does the flag of {} show?",
        "Name the animal on the flag of {}.", "What animal does the flag of {} have?")),
}  # fmt: skip
RELATIONS: dict[str, dict[str, Relation]] = {"person": PERSON, "thing": THING, "place": PLACE}
RELATION: dict[str, Relation] = {**PERSON, **THING, **PLACE}

# Asked about someone real to the world, yet nobody could know.
UNKNOWABLE = {
    "person": ("What will {} do tomorrow?", "What is {} thinking of?", "What did {} dream of?",
               "Which word will {} say next?", "How old will {} become?"),
    "thing": ("Who will buy {} next?", "When will {} break?", "Who dreams of {}?",
              "What will {} cost in ten years?", "Who saw {} last?"),
    "place": ("Who will visit {} next?", "When will it rain in {}?",
              "Who will lead {} in ten years?",
              "What will be built in {} next?", "How many birds are in {}?"),
}  # fmt: skip


def value(rng: Random, relation: Relation, pool: Names) -> str:
    """Something that a relation may hold, drawn evenly."""
    match relation.values:
        case Named.PERSON:
            return person(rng, pool)
        case Named.FIRST:
            return rng.choice(pool.first)
        case Named.PLACE:
            return rng.choice(pool.place)
        case Named.RIVER:
            return rng.choice(pool.thing)
        case words:
            return rng.choice(words)


def entity(rng: Random, kind: str, name: str, count: int, pool: Names) -> Entity:
    """An entity with `count` facts of different relations, in the order of telling."""
    relations = RELATIONS[kind]
    chosen = rng.sample(list(relations), count)
    return Entity(kind, name, {key: value(rng, relations[key], pool) for key in chosen})


def sentence(text: str) -> str:
    """The text with a capital and a full stop. `str.capitalize` would lower every other name."""
    return f"{text[0].upper()}{text[1:]}."


def predicate(of: Entity, relation: str) -> str:
    """What is said of an entity, without its name."""
    return RELATION[relation].predicate.format(of.facts[relation])


def statement(of: Entity, relation: str) -> str:
    """A fact as a sentence of its own: what a question about it is answered with."""
    return sentence(f"{of.name} {predicate(of, relation)}")


def passage(of: Entity) -> str:
    """All facts of an entity as running text: the first two in one sentence, one for each other."""
    told = [predicate(of, relation) for relation in of.facts]
    again = of.name.split()[0] if of.kind == "person" else "It"
    first = sentence(f"{of.name} {' and '.join(told[:2])}")
    return " ".join([first, *(f"{again} {text}." for text in told[2:])])
