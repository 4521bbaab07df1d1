"""Skills: small jobs on words whose answer is computed, so that learning must carry over."""

from collections.abc import Callable
from random import Random
from typing import NamedTuple

from epochwise.world.names import Names, person
from epochwise.world.words import (
    ADJECTIVES,
    DAYS,
    MEETINGS,
    MOVES,
    NOUNS,
    NUMBERS,
    OPPOSITES,
    PLAIN,
    TRADES,
)


class Job(NamedTuple):
    """What is given, and what is right."""

    given: str
    answer: str


class Skill(NamedTuple):
    """A job that can be asked for in several ways and is solved by a rule."""

    instructions: tuple[str, ...]
    make: Callable[[Random, Names], Job]


# "one" is for texts that count; the world's own numbers start at two.
NUMBER_WORDS = ("no", "one", *NUMBERS)


def listed(rng: Random) -> list[str]:
    """Three or four different words: fewer are trivial, more would be long."""
    return rng.sample(PLAIN, 3 if rng.random() < 0.7 else 4)


def event(rng: Random, pool: Names) -> tuple[str, str, str, str]:
    """A sentence with one name, one number and one place, and those three."""
    name, number, place = person(rng, pool), rng.choice(NUMBERS), rng.choice(pool.place)
    noun, trade = rng.choice(NOUNS), rng.choice(TRADES)
    return f"On {rng.choice(DAYS)} {name} {trade} {number} {noun}s in {place}.", name, number, place


def sort(rng: Random, pool: Names) -> Job:
    words = listed(rng)
    return Job(", ".join(words), ", ".join(sorted(words)))


def reverse(rng: Random, pool: Names) -> Job:
    words = listed(rng)
    return Job(", ".join(words), ", ".join(reversed(words)))


def last(rng: Random, pool: Names) -> Job:
    words = listed(rng)
    return Job(", ".join(words), f"The last word is {words[-1]}.")


def count_words(rng: Random, pool: Names) -> Job:
    words = rng.sample(PLAIN, rng.randint(2, 6))
    return Job(" ".join(words), f"There are {NUMBER_WORDS[len(words)]} words.")


def count_letters(rng: Random, pool: Names) -> Job:
    word = rng.choice(PLAIN)
    return Job(word, f"It has {NUMBER_WORDS[len(word)]} letters.")


def find_name(rng: Random, pool: Names) -> Job:
    text, name, _, _ = event(rng, pool)
    return Job(text, f"The name is {name}.")


def find_number(rng: Random, pool: Names) -> Job:
    text, _, number, _ = event(rng, pool)
    return Job(text, f"The number is {number}.")


def find_place(rng: Random, pool: Names) -> Job:
    text, _, _, place = event(rng, pool)
    return Job(text, f"The place is {place}.")


def capitals(rng: Random, pool: Names) -> Job:
    text = f"{rng.choice(ADJECTIVES)} {rng.choice(NOUNS)}"
    return Job(text, text.upper())


def plural(rng: Random, pool: Names) -> Job:
    adjective, noun = rng.choice(ADJECTIVES), rng.choice(NOUNS)
    return Job(f"one {adjective} {noun}", f"many {adjective} {noun}s")


def opposite(rng: Random, pool: Names) -> Job:
    adjective, noun = rng.choice(ADJECTIVES), rng.choice(NOUNS)
    return Job(f"the {adjective} {noun}", f"the {OPPOSITES[adjective]} {noun}")


def past(rng: Random, pool: Names) -> Job:
    name, verb, place = rng.choice(pool.first), rng.choice(list(MOVES)), rng.choice(pool.place)
    return Job(f"{name} {verb} to {place}.", f"{name} {MOVES[verb]} to {place}.")


def swap(rng: Random, pool: Names) -> Job:
    one, other = rng.sample(pool.first, 2)
    verb = rng.choice(MEETINGS)
    return Job(f"{one} {verb} {other}.", f"{other} {verb} {one}.")


SKILLS: dict[str, Skill] = {
    "sort": Skill(("Sort these words.", "Put these words in order."), sort),
    "reverse": Skill(("Reverse this list.", "Say these words backwards."), reverse),
    "last": Skill(("Which word is last?", "Name the last word."), last),
    "count_words": Skill(("How many words are there?", "Count the words."), count_words),
    "count_letters": Skill(("How many letters does it have?", "Count the letters."), count_letters),
    "find_name": Skill(("Find the name.", "Who is named here?"), find_name),
    "find_number": Skill(("Find the number.", "Which number is here?"), find_number),
    "find_place": Skill(("Find the place.", "Which place is named here?"), find_place),
    "capitals": Skill(("Write this in capitals.", "Use capitals only."), capitals),
    "plural": Skill(("Say this of many.", "Write the plural."), plural),
    "opposite": Skill(("Say the opposite.", "Write the opposite."), opposite),
    "past": Skill(("Put this in the past.", "Write the past tense."), past),
    "swap": Skill(("Swap the names.", "Swap the two people."), swap),
}
