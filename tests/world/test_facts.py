"""What is said about the world reads as it should."""

from epochwise.world.facts import RELATION, RELATIONS, UNKNOWABLE, Entity, passage, statement


def test_a_person_is_called_by_the_first_name_after_the_first_sentence() -> None:
    mira = Entity("person", "Mira Tolven", {"home": "Oskmere", "job": "baker", "pet": "goat"})
    assert passage(mira) == "Mira Tolven lives in Oskmere and works as a baker. Mira keeps a goat."


def test_a_thing_begins_its_sentence_with_a_capital() -> None:
    bell = Entity("thing", "the Elrilo bell", {"maker": "Mira Tolven"})
    assert statement(bell, "maker") == "The Elrilo bell was made by Mira Tolven."


def test_relations_have_names_of_their_own() -> None:
    assert len(RELATION) == sum(len(relations) for relations in RELATIONS.values())


def test_no_question_is_asked_in_two_ways_that_read_the_same() -> None:
    questions = [one for relation in RELATION.values() for one in relation.questions]
    questions += [one for group in UNKNOWABLE.values() for one in group]
    for kind, relations in RELATIONS.items():
        own = [one for relation in relations.values() for one in relation.questions]
        own += UNKNOWABLE[kind]
        assert len(own) == len(set(own))
    assert all(question.count("{}") == 1 for question in questions)
