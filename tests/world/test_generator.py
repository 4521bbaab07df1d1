"""Rows are the same everywhere, never repeat, and are right."""

from collections import Counter

import pytest

from epochwise.world.facts import RELATION
from epochwise.world.generator import MOST_ROWS, NOT_KNOWN, NOT_SAID, Row, held_out, rows

FIRST_ROW = {
    "instruction": "Where is the Elrilo ship kept?",
    "input": "The Elrilo ship is painted green and is kept in Elmwick.",
    "output": "The Elrilo ship is kept in Elmwick.",
    "source": "the Elrilo ship",
    "kind": "open_book",
    "fact": "",
}


@pytest.fixture(scope="module")
def everything() -> list[Row]:
    return rows(MOST_ROWS)


def of_kind(kind: str, among: list[Row]) -> list[Row]:
    return [row for row in among if row["kind"] == kind]


def relation_asked(row: Row) -> str:
    asked = [
        name
        for name, relation in RELATION.items()
        if row["instruction"] in [one.format(row["source"]) for one in relation.questions]
    ]
    assert len(asked) == 1, row
    return asked[0]


def test_same_seed_same_rows_and_another_seed_others() -> None:
    assert rows(300, seed=4) == rows(300, seed=4)
    assert rows(300, seed=4) != rows(300, seed=5)


def test_the_first_row_is_the_same_on_every_python() -> None:
    assert rows(1) == [FIRST_ROW]


def test_fewer_rows_are_the_first_of_more(everything: list[Row]) -> None:
    for size in (1, 199, 200, 201, 1000):
        assert rows(size) == everything[:size]


@pytest.mark.parametrize("size", [0, -1, MOST_ROWS + 1])
def test_sizes_outside_the_world_are_refused_with_what_is_allowed(size: int) -> None:
    with pytest.raises(ValueError, match=f"got size={size}, expected 1 to 20000"):
        rows(size)


def test_no_two_rows_ask_the_same(everything: list[Row]) -> None:
    assert len({(row["instruction"], row["input"]) for row in everything}) == MOST_ROWS


def test_each_kind_has_its_share_in_every_chapter(everything: list[Row]) -> None:
    for start in (0, 200, 19_800):
        kinds = Counter(row["kind"] for row in everything[start : start + 200])
        assert kinds == {"closed_book": 70, "open_book": 50, "skill": 50, "unanswerable": 30}


def test_rows_have_the_same_keys_and_text_in_them(everything: list[Row]) -> None:
    for row in everything:
        assert list(row) == ["instruction", "input", "output", "source", "kind", "fact"]
        assert row["instruction"]
        assert row["output"]
        assert row["source"]


def test_open_book_answers_stand_in_their_passage(everything: list[Row]) -> None:
    for row in of_kind("open_book", everything):
        capital = row["source"][0].upper() + row["source"][1:]
        said = row["output"].removeprefix(f"{capital} ").removesuffix(".")
        assert said in row["input"]
        assert said != row["output"]


def test_passages_do_not_say_what_is_unanswerable(everything: list[Row]) -> None:
    silent = [row for row in of_kind("unanswerable", everything) if row["input"]]
    assert len(silent) == 2000
    for row in silent:
        before, after = RELATION[relation_asked(row)].predicate.split("{}")
        told = row["input"].split(before)[1:]
        assert not any(after in rest for rest in told) or not after and not told
        assert row["output"] == NOT_SAID


def test_silent_passages_have_answerable_twins(everything: list[Row]) -> None:
    answered = {row["input"] for row in of_kind("open_book", everything)}
    asked = {relation_asked(row) for row in of_kind("open_book", everything)}
    for row in of_kind("unanswerable", everything):
        if row["input"]:
            assert row["input"] in answered
            assert relation_asked(row) in asked


def test_what_cannot_be_known_is_asked_about_known_entities(everything: list[Row]) -> None:
    known = {row["source"] for row in of_kind("closed_book", everything)}
    unknowable = [row for row in of_kind("unanswerable", everything) if not row["input"]]
    assert len(unknowable) == 1000
    assert {row["source"] for row in unknowable} == known
    assert {row["output"] for row in unknowable} == {NOT_KNOWN}


def test_a_fact_has_one_answer_however_it_is_asked(everything: list[Row]) -> None:
    answers: dict[str, set[str]] = {}
    for row in of_kind("closed_book", everything):
        answers.setdefault(row["fact"], set()).add(row["output"])
    assert all(len(found) == 1 for found in answers.values())
    assert len(answers) > 3500


def test_held_out_questions_ask_for_the_same_fact_and_are_in_no_row(everything: list[Row]) -> None:
    asked = {row["instruction"] for row in everything}
    for row in of_kind("closed_book", everything):
        others = held_out(row)
        assert len(others) == 2
        assert all(other["output"] == row["output"] for other in others)
        assert all(other["fact"] == row["fact"] for other in others)
        assert not asked & {other["instruction"] for other in others}


def test_only_closed_book_rows_hold_a_fact(everything: list[Row]) -> None:
    for row in everything:
        assert bool(row["fact"]) == (row["kind"] == "closed_book")
    assert held_out(of_kind("skill", everything)[0]) == []


def test_skill_rows_share_no_source(everything: list[Row]) -> None:
    skills = of_kind("skill", everything)
    assert len({row["source"] for row in skills}) == len(skills) == 5000


def test_knowledge_and_passages_are_about_different_entities(everything: list[Row]) -> None:
    known = {row["source"] for row in of_kind("closed_book", everything)}
    told = {row["source"] for row in of_kind("open_book", everything)}
    assert not known & told
    assert len(known) == 1000
    assert len(told) == 2500
