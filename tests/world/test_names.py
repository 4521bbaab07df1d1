"""Names of rows and of the corpus never meet."""

import pytest

from epochwise.world.names import CORPUS_NAMES, ROW_NAMES, half, nth_name


def test_the_two_halves_make_the_whole_and_share_nothing() -> None:
    assert half(("Mi", "To"), ("ra", "len"), 0) == ["Mira", "Tolen"]
    assert half(("Mi", "To"), ("ra", "len"), 1) == ["Milen", "Tora"]


def test_no_name_word_is_on_both_sides_whatever_it_names() -> None:
    rows = {word for words in ROW_NAMES for word in words}
    corpus = {word for words in CORPUS_NAMES for word in words}
    assert not rows & corpus


def test_no_name_word_has_two_readings() -> None:
    words = [word for names in (ROW_NAMES, CORPUS_NAMES) for group in names for word in group]
    assert len(words) == len(set(words))


@pytest.mark.parametrize(("kind", "count"), [("person", 5000), ("thing", 1500), ("place", 400)])
def test_no_two_entities_have_one_name(kind: str, count: int) -> None:
    assert len({nth_name(kind, ROW_NAMES, index) for index in range(count)}) == count
