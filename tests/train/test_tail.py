import shutil

import pytest

from epochwise.train import journal
from epochwise.train.tail import Tail


def rows(*steps, loss=1.0):
    return [{"kind": "step", "step": step, "loss": loss} for step in steps]


@pytest.fixture
def path(tmp_path):
    (tmp_path / "run").mkdir()
    return tmp_path / "run" / "journal.jsonl"


def write(path, found):
    journal.extend(path, b"".join(journal.line(row) for row in found))


def anew(path, found):
    """As a resumed run makes its folder."""
    shutil.rmtree(path.parent)
    path.parent.mkdir()
    write(path, found)


def test_each_row_is_told_once(path):
    tail = Tail(path)
    assert tail.news(whole=False).rows == []
    write(path, rows(1, 2))
    assert tail.news(whole=False) == (rows(1, 2), False)
    assert tail.news(whole=False) == ([], False)
    write(path, rows(3))
    assert tail.news(whole=True) == (rows(3), False)


def test_a_torn_line_is_told_once_it_is_whole(path):
    tail = Tail(path)
    line = journal.line(rows(1)[0])
    path.write_bytes(line[:9])
    assert tail.news(whole=False).rows == []
    path.write_bytes(line)
    assert tail.news(whole=False).rows == rows(1)


def test_a_resumed_run_with_equal_rows_goes_on_where_it_was(path):
    tail = Tail(path)
    write(path, rows(1, 2, 3))
    tail.news(whole=False)
    anew(path, rows(1))
    assert tail.news(whole=False) == ([], False)
    write(path, rows(2, 3, 4))
    assert tail.news(whole=False) == (rows(4), False)


@pytest.mark.parametrize("loss", [2.0, 1.25])
def test_a_resumed_run_with_other_rows_is_told_from_the_start(path, loss):
    tail = Tail(path)
    write(path, rows(1, 2, 3))
    tail.news(whole=False)
    anew(path, rows(1))
    assert tail.news(whole=False) == ([], False)
    write(path, rows(2, 3, 4, loss=loss))
    assert tail.news(whole=False) == ([*rows(1), *rows(2, 3, 4, loss=loss)], True)


def test_a_whole_journal_that_became_shorter_is_told_from_the_start(path):
    tail = Tail(path)
    write(path, rows(1, 2, 3, loss=1.25))
    tail.news(whole=False)
    anew(path, rows(1, 2, 3))
    assert tail.news(whole=True) == (rows(1, 2, 3), True)
