import math
import zlib

import pytest

from epochwise.train import journal

STEP = {"kind": "step", "step": 1, "loss": 1.5}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "journal.jsonl"


def test_rows_come_back_as_they_went_in(path):
    end = {"kind": "end", "verdict": "überfit\n"}
    journal.append(path, STEP)
    journal.append(path, end)
    assert journal.read(path) == [STEP, end]


def test_a_line_ends_in_the_checksum_of_the_json_without_it(path):
    journal.append(path, {"kind": "step"})
    assert (
        path.read_text()
        == f'{{"kind": "step", "crc": "{zlib.crc32(b"""{"kind": "step"}"""):08x}"}}\n'
    )


def test_a_loss_that_is_not_a_number_is_null(path):
    journal.append(path, {"kind": "step", "loss": math.nan, "grad_norm": math.inf, "step": 2})
    assert journal.read(path) == [{"kind": "step", "loss": None, "grad_norm": None, "step": 2}]


def test_reading_stops_before_a_torn_last_line(path):
    journal.append(path, STEP)
    line = path.read_bytes()
    for left in range(len(line)):
        path.write_bytes(line + line[:left])
        assert journal.read(path) == [STEP]


def test_a_row_after_a_torn_line_is_not_lost_with_it(path):
    journal.append(path, STEP)
    with path.open("ab") as file:
        file.write(b'{"kind": "st')
    journal.append(path, {"kind": "end"})
    assert journal.read(path) == [STEP, {"kind": "end"}]


def test_a_torn_first_line_leaves_nothing_behind(path):
    path.write_bytes(b'{"kind')
    journal.append(path, STEP)
    assert journal.read(path) == [STEP]


@pytest.mark.parametrize("damage", [b"2.5", b"1.50"])
def test_a_damaged_line_is_named_with_its_file_and_number(path, damage):
    for _ in range(3):
        journal.append(path, STEP)
    lines = path.read_bytes().splitlines(keepends=True)
    lines[1] = lines[1].replace(b"1.5", damage)
    path.write_bytes(b"".join(lines))
    with pytest.raises(ValueError, match="journal.jsonl line 2 is damaged"):
        journal.read(path)


def test_a_follower_reads_only_what_is_new(path):
    journal.append(path, STEP)
    rows, offset = journal.read_from(path, 0)
    assert (rows, journal.read_from(path, offset)) == ([STEP], ([], offset))

    with path.open("ab") as file:
        file.write(b'{"kind"')
    assert journal.read_from(path, offset) == ([], offset)

    journal.append(path, {"kind": "end"})
    rows, offset = journal.read_from(path, offset)
    assert (rows, offset) == ([{"kind": "end"}], path.stat().st_size)


def test_damage_in_what_a_follower_reads_is_counted_from_the_start_of_the_file(path):
    journal.append(path, STEP)
    _, offset = journal.read_from(path, 0)
    with path.open("ab") as file:
        file.write(b'{"kind": "end"}\n')
    with pytest.raises(ValueError, match="line 2"):
        journal.read_from(path, offset)
