"""The parts that are timed are those of a real training: what they leave has the same size."""

import pytest
from settings import changed

from epochwise.experiment import run_trunk
from epochwise.record import Record, run_folder
from epochwise.sweep.forecast.stopwatch import Took, line, row_lengths, timing


@pytest.fixture
def tiny(experiment, tiny_base):
    return changed(experiment, {"model.path": str(tiny_base), "train.epochs": 3})


def size(folder):
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def test_what_a_run_leaves_is_foretold(tiny, tmp_path):
    run_trunk({"run": tiny}, tmp_path / "study")
    found = timing(tiny, tmp_path / "scratch")
    left = size(run_folder(tmp_path / "study", "run"))
    steps = Record.load(run_folder(tmp_path / "study", "run") / "record.json").summary.steps
    foretold = found.run_bytes + 3 * found.point_bytes + steps * found.line_bytes
    # What the verdict has to say, a kilobyte of 29 here, depends on what the curve will be.
    assert foretold == pytest.approx(left, rel=0.07)
    (kept,) = (tmp_path / "study" / "trunks" / "trunk" / "checkpoints").iterdir()
    assert found.keep_bytes + steps * found.line_bytes == pytest.approx(size(kept), rel=0.1)


def test_every_part_takes_some_time_and_memory(tiny, tmp_path):
    found = timing(tiny, tmp_path)
    assert min(found) >= 0
    parts = (found.load, found.begin, found.fit, found.leave, found.keep, found.peak_memory)
    assert min(parts) > 0
    assert found.step + found.step_token > 0
    assert found.batch + found.batch_token > 0


def test_a_study_of_a_single_short_step_is_timed(tiny, tmp_path):
    small = changed(tiny, {"data.size": 1, "data.val_size": 1, "train.epochs": 1})
    assert timing(small, tmp_path).step_token > 0


def test_lengths_are_those_of_the_rows(tiny):
    val, train, general = row_lengths(tiny)
    assert general == []
    assert (len(val), len(train)) == (12, 22)
    assert 8 < min(train) <= max(train) <= 128
    assert row_lengths(changed(tiny, {"data.size": 5})) == [val, train[:5], []]


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([(10, 1.0), (20, 2.0), (30, 3.0)], (0.0, 0.1)),
        ([(10, 5.0), (30, 7.0)], (4.0, 0.1)),
        ([(10, 1.0), (20, 4.0)], (0.0, (10 * 1 + 20 * 4) / 500)),  # steeper than from zero
        ([(10, 4.0), (20, 2.0)], (3.0, 0.0)),  # longer and yet faster
        ([(8, 2.0), (8, 6.0)], (0.0, 0.5)),  # all of one length
    ],
)
def test_no_term_of_a_line_is_below_zero(parts, expected):
    assert line([Took(*part) for part in parts]) == pytest.approx(expected)
