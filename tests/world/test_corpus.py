"""The corpus is about others than the rows, and shows no chat."""

import re

import pytest

from epochwise.world.corpus import documents
from epochwise.world.generator import rows
from epochwise.world.names import CORPUS_NAMES, ROW_NAMES


@pytest.fixture(scope="module")
def texts() -> list[str]:
    return documents(20_000)


def test_same_seed_same_documents_and_fewer_are_the_first_of_more(texts: list[str]) -> None:
    assert documents(50) == texts[:50]
    assert documents(50, seed=1) != texts[:50]


def test_no_name_of_a_row_is_in_the_corpus(texts: list[str]) -> None:
    read = {word for text in texts for word in re.findall(r"\w+", text)}
    asked = {
        word
        for row in rows(20_000)
        for word in re.findall(r"\w+", f"{row['instruction']} {row['input']} {row['output']}")
    }
    row_names = {word for words in ROW_NAMES for word in words}
    corpus_names = {word for words in CORPUS_NAMES for word in words}
    assert not read & row_names
    assert not asked & corpus_names
    assert len(read & corpus_names) > 1000
    assert len(asked & row_names) > 1000


def test_one_document_in_four_asks_and_none_chats(texts: list[str]) -> None:
    asking = sum("Question:" in text for text in texts) / len(texts)
    assert 0.2 < asking < 0.28
    assert not any("<|" in text for text in texts)
