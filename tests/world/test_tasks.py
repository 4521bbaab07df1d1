"""Every skill's answer, worked out a second time by other means."""

import re
from collections.abc import Callable
from random import Random

import pytest

from epochwise.world.names import ROW_NAMES
from epochwise.world.tasks import SKILLS
from epochwise.world.words import MOVES, OPPOSITES, PLAIN

COUNT = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
EVENT = re.compile(r"On (\w+day) (?P<name>\w+ \w+) \w+ (?P<number>\w+) \w+s in (?P<place>\w+)\.")


def smallest_first(given: str) -> str:
    words, done = given.split(", "), []
    while words:
        done.append(words.pop(words.index(min(words))))
    return ", ".join(done)


def turned(given: str) -> str:
    words = given.split(", ")
    return ", ".join(words[place] for place in range(len(words) - 1, -1, -1))


def part(name: str) -> Callable[[str], str]:
    def found(given: str) -> str:
        match = EVENT.fullmatch(given)
        assert match, given
        return f"The {name} is {match[name]}."

    return found


def swapped(given: str) -> str:
    one, verb, other = given.rstrip(".").split(" ")
    return f"{other} {verb} {one}."


def in_the_past(given: str) -> str:
    name, verb, to, place = given.split(" ")
    return f"{name} {MOVES[verb]} {to} {place}"


AGAIN: dict[str, Callable[[str], str]] = {
    "sort": smallest_first,
    "reverse": turned,
    "last": lambda given: f"The last word is {given.rpartition(', ')[2]}.",
    "count_words": lambda given: f"There are {COUNT[given.count(' ') + 1]} words.",
    "count_letters": lambda given: f"It has {COUNT[len(given)]} letters.",
    "find_name": part("name"),
    "find_number": part("number"),
    "find_place": part("place"),
    "capitals": lambda given: "".join(letter.upper() for letter in given),
    "plural": lambda given: f"many{given.removeprefix('one')}s",
    "opposite": lambda given: " ".join(OPPOSITES.get(word, word) for word in given.split(" ")),
    "past": in_the_past,
    "swap": swapped,
}


@pytest.mark.parametrize("name", list(SKILLS))
def test_the_answer_is_right(name: str) -> None:
    rng = Random(0)
    for _ in range(300):
        given, answer = SKILLS[name].make(rng, ROW_NAMES)
        assert answer == AGAIN[name](given)


def test_opposites_are_mutual() -> None:
    assert all(OPPOSITES[OPPOSITES[word]] == word for word in OPPOSITES)


def test_words_are_ascii_and_small_so_that_sorting_has_one_meaning() -> None:
    assert all(re.fullmatch("[a-z]+", word) for word in PLAIN)
    assert max(len(word) for word in PLAIN) < len(COUNT)
