import json
from pathlib import Path

import numpy as np
import pytest

from epochwise.config import Experiment
from epochwise.data.formats import exchange
from epochwise.data.problems import DataError
from epochwise.data.rows import read
from epochwise.evaluate.exam import check_rows
from epochwise.evaluate.question_file import questions_of
from epochwise.evaluate.questions import (
    Rows,
    first_of_each_kind,
    own_questions,
    questions_digest,
    training_rows,
    with_examples,
)
from epochwise.evaluate.refusal import read_refusals
from epochwise.evaluate.world_questions import fact, questions
from epochwise.model.pretrained import Pretrained
from epochwise.record import RowLosses
from epochwise.world.facts import RELATION, TRAINED_QUESTIONS
from epochwise.world.generator import rows as world_rows


def test_trained_facts_are_asked_as_trained_and_in_words_that_no_row_has(world: Rows) -> None:
    asked = questions(world.train, world.val, limit=20)
    trained = [one for one in asked if one.kind == "trained"]
    other = [one for one in asked if one.kind == "paraphrase"]
    assert len(trained) == 20
    assert len(other) == 2 * 20
    assert {one.row for one in trained} <= set(world.train)
    assert {one.fact for one in other} == {one.fact for one in trained}
    every = {row["instruction"] for row in world_rows(20_000)}
    assert not {one.row.asked.content for one in other} & every
    answers = {one.fact: one.references for one in trained}
    assert all(one.references == answers[one.fact] for one in other)


def test_untrained_facts_and_new_jobs_are_of_no_training_row(world: Rows) -> None:
    asked = questions(world.train, world.val, limit=20)
    new = [one for one in asked if one.kind in ("untrained", "skill", "open_book")]
    assert {one.kind for one in new} == {"untrained", "skill", "open_book"}
    trained = {row.asked for row in world.train}
    assert not {one.row.asked for one in new} & trained
    known = {fact(row) for row in world.train} - {""}
    assert not {one.fact for one in new} & known


def test_what_cannot_be_answered_has_twins_that_can(world: Rows) -> None:
    asked = questions(world.train, world.val, limit=40)
    without = [one for one in asked if not one.answerable]
    assert {one.kind for one in without} == {"unanswerable"}
    answerable = {one.group for one in asked if one.answerable}
    about_trained = [one for one in without if not one.row.asked.input]
    assert len(about_trained) > 5
    assert {one.group for one in about_trained} <= answerable
    known = {row.asked.content for row in world.train}
    assert not {one.row.asked.content for one in about_trained} & known


def test_what_nobody_knows_is_asked_as_no_row_asks() -> None:
    chapter = [
        exchange(r["instruction"], r["output"], input=r["input"])._replace(
            source=r["source"], kind=r["kind"]
        )
        for r in world_rows(200)
    ]
    asked = [one for one in questions(chapter, [], limit=40) if not one.answerable]
    assert len(asked) == 20  # the other half would be silent passages of validation rows
    words = {one.row.asked.content for one in asked}
    assert not words & {row.asked.content for row in chapter}
    assert len(words) == 20


def test_a_fact_is_named_as_the_generator_names_it(world: Rows) -> None:
    ids = {(row["instruction"], row["output"]): row["fact"] for row in world_rows(2000)}
    rows = [row for row in world.train if (row.asked.content, row.answer) in ids]
    assert len(rows) > 5
    assert all(fact(row) == ids[row.asked.content, row.answer] for row in rows)


def test_every_way_to_ask_belongs_to_one_fact() -> None:
    ways = [words for relation in RELATION.values() for words in relation.questions]
    assert len(ways) == len(set(ways))
    assert all(len(relation.questions) > TRAINED_QUESTIONS for relation in RELATION.values())


def test_rows_of_any_file_are_asked_by_their_kind(
    experiment: Experiment, world_1m: Pretrained
) -> None:
    rows = training_rows(experiment.data, world_1m.tokenizer)
    asked = own_questions(experiment.data, rows, limit=3, refusals=read_refusals())
    trained = [one for one in asked if one.kind == "trained"]
    assert [one.row for one in trained] == rows.train[:3]
    held_out = [one for one in asked if one.kind != "trained"]
    assert {one.row for one in held_out} <= set(rows.val)
    assert {one.kind for one in held_out} <= {row.kind for row in rows.val}
    assert all(one.answerable != (one.kind == "unanswerable") for one in held_out)


def test_a_row_without_kind_whose_answer_refuses_is_unanswerable(
    experiment: Experiment, world_1m: Pretrained
) -> None:
    rows = training_rows(experiment.data, world_1m.tokenizer)
    plain = [row.answering("Blue.")._replace(kind="") for row in rows.val]
    plain[0] = plain[0].answering("I do not know.")
    bare = rows._replace(val=plain)
    asked = own_questions(experiment.data, bare, limit=99, refusals=read_refusals())
    kinds = [one.kind for one in asked if one.kind != "trained"]
    assert kinds == ["unanswerable"] + ["validation"] * (len(plain) - 1)


def test_the_rows_are_those_of_the_run(experiment: Experiment, world_1m: Pretrained) -> None:
    from epochwise.data.prepare import prepare

    rows = training_rows(experiment.data, world_1m.tokenizer)
    made = prepare(experiment.data, experiment.evaluate, world_1m.tokenizer)
    nats, counts = np.ones((1, 12), np.float32), np.ones(12, int)
    losses = RowLosses(nats, counts, counts, nats, counts, made.train_digest, made.val_digest)
    check_rows(rows, losses)
    with pytest.raises(ValueError, match="the validation rows are not those that the run was made"):
        check_rows(rows._replace(val=[*rows.val[1:], rows.val[0]]), losses)
    with pytest.raises(ValueError, match="the training rows are not those"):
        check_rows(rows._replace(train=rows.val), losses)


def test_examples_are_earlier_turns(experiment: Experiment) -> None:
    first, second, third = read(experiment.data)[:3]
    shown = with_examples(third, [first, second])
    assert [said.text for said in shown.messages[:2]] == [first.question, first.answer]
    assert len(shown.messages) == 6
    assert shown.messages[4:] == third.messages


def lines(path: Path, *objects: object) -> Path:
    text = [one if isinstance(one, str) else json.dumps(one, ensure_ascii=False) for one in objects]
    path.write_text("\n".join(text) + "\n", encoding="utf-8")
    return path


def test_a_file_of_ones_own_is_read(tmp_path: Path) -> None:
    file = lines(
        tmp_path / "my.jsonl",
        {"question": "2 + 2?", "answer": "4", "kind": "sums", "group": "a"},
        {"question": "A fruit?", "answers": ["apple", "pear"], "input": "Say one."},
        {"question": "Tomorrow?", "answer": "I do not know.", "kind": "unanswerable"},
    )
    sums, fruit, tomorrow = questions_of(file)
    assert (sums.kind, sums.group, sums.references, sums.answerable) == ("sums", "a", ("4",), True)
    assert (fruit.row.asked.content, fruit.row.asked.input) == ("A fruit?", "Say one.")
    assert (fruit.references, fruit.kind) == (("apple", "pear"), "question")
    assert fruit.group != tomorrow.group
    assert not tomorrow.answerable


def test_all_mistakes_of_a_file_are_told_at_once(tmp_path: Path) -> None:
    file = lines(
        tmp_path / "my.jsonl",
        "no json",
        [1],
        {"question": "", "answer": "4"},
        {"question": "x"},
        {"question": "x", "answer": "y", "answers": ["z"]},
        {"question": "x", "answers": []},
        {"question": "x", "answer": "y", "kindd": "z", "group": 3},
        {"question": "right", "answer": "right"},
    )
    with pytest.raises(DataError) as told:
        questions_of(file)
    text = str(told.value)
    for part in (
        "line 1: is not JSON",
        "line 2: is a list ([1]), expected an object",
        "line 3: question is text (''), expected text",
        "line 4: needs either answer",
        "line 5: needs either answer",
        "line 6: its answers must be text",
        "line 7: has an unknown key 'kindd'; allowed are ['answer',",
        "line 7: group is a number (3), expected text",
    ):
        assert part in text
    assert "line 8" not in text


def test_a_file_that_is_missing_or_empty_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"evaluate.questions=.*none.jsonl: cannot be read"):
        questions_of(tmp_path / "none.jsonl")
    with pytest.raises(DataError, match="holds no questions; give one a line"):
        questions_of(lines(tmp_path / "empty.jsonl"))


def test_the_digest_differs_with_a_question_and_with_how_it_is_asked(tmp_path: Path) -> None:
    one, two = questions_of(
        lines(
            tmp_path / "a.jsonl", {"question": "x", "answer": "y"}, {"question": "z", "answer": "y"}
        )
    )
    assert questions_digest([one], "64") == questions_digest([one], "64")
    assert (
        len({questions_digest(*key) for key in (([one], "64"), ([two], "64"), ([one], "8"))}) == 3
    )


def test_the_limit_is_of_each_kind(tmp_path: Path) -> None:
    made = [{"question": f"{n}?", "answer": "y", "kind": "ab"[n % 2]} for n in range(10)]
    kept = first_of_each_kind(questions_of(lines(tmp_path / "a.jsonl", *made)), 2)
    assert [one.row.question for one in kept] == ["0?", "2?", "1?", "3?"]
