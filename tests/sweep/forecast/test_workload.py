from itertools import pairwise

import numpy as np
import pytest
from examples import example_of
from settings import changed

from epochwise.data.batch import batches as real_batches
from epochwise.data.batch import steps as real_steps
from epochwise.sweep.forecast.workload import EXACT, Batches, Counter, Lengths, Steps, batches
from epochwise.train.trajectory import Paths, stretch

LENGTHS = Lengths(
    val=np.random.default_rng(1).integers(5, 40, 12),
    train=np.random.default_rng(2).integers(5, 40, 22),
)


def examples(lengths):
    return [example_of(list(range(length)), 1) for length in lengths]


def really(lengths, steps):
    """Tokens of these steps as the data module makes them."""
    made = real_steps(examples(lengths), seed=0, batch_size=8, first=1, last=steps, pad_id=0)
    return sum(step.seen for step in made)


@pytest.mark.parametrize("until", [0, 1, 3, 4, 8, 24])
def test_tokens_of_steps_are_those_of_the_real_ones(until):
    assert Steps(LENGTHS.train, 8, seed=0).until(until) == really(LENGTHS.train, until)


def test_many_epochs_are_told_from_the_first_ones():
    counted = Steps(LENGTHS.train, 8, seed=0)
    epochs = 10 * EXACT
    assert counted.until(3 * epochs) == really(LENGTHS.train, 3 * epochs)
    begun = really(LENGTHS.train, 3 * epochs + 1)
    assert counted.until(3 * epochs + 1) == pytest.approx(begun, rel=0.02)


def test_batches_of_a_measurement_are_the_real_ones():
    made = list(real_batches(examples(LENGTHS.val), batch_size=5, pad_id=0))
    assert batches(LENGTHS.val, 5) == Batches(3, sum(int(b.attention_mask.sum()) for b in made))


def test_the_largest_step_is_that_with_the_longest_row():
    rows = np.array([3] * 8 + [9] + [3] * 7)
    assert Steps(rows, 8, seed=0).largest() == 7 * 3 + 9


@pytest.fixture
def counted(experiment):
    """The workload of a trunk with these exits; steps are of 8 rows, so 22 rows are 3 steps."""

    def of(*changes, lengths={"rows": LENGTHS}):  # noqa: B006 - never written to
        runs = {str(n): changed(experiment, change) for n, change in enumerate(changes)}
        paths = Paths()
        tree = stretch({name: paths.of(run, "") for name, run in runs.items()})
        return Counter(lambda run: "rows", lengths).workload(tree, runs)

    return of


def test_a_trunk_of_two_exits_is_counted(counted):
    work = counted({"train.epochs": 1}, {"train.epochs": 4})
    assert (work.steps, work.row_passes) == (12, 88)
    assert work.tokens == 4 * LENGTHS.train.sum()
    assert (work.stretches, work.measurements) == (4, 4)
    assert (work.exits, work.points, work.lines) == (2, 5, 3 + 12)
    assert (work.branches, work.ends, work.end_lines) == (0, 1, 12)


def test_measuring_takes_validation_rows_and_probe(counted):
    work = counted({"train.epochs": 2})
    val, probe = batches(LENGTHS.val, 5), batches(LENGTHS.train[:10], 5)
    assert work.batches == 2 * (3 + 2)
    assert work.batch_tokens == 2 * (val.tokens + probe.tokens)
    assert {split.batches for split in work.untuned} == {val, probe}


def test_sizes_take_their_common_steps_once_and_are_measured_each(counted):
    work = counted({"data.size": 8, "train.epochs": 2}, {"train.epochs": 1})
    assert work.steps == 2 + 3 - 1
    assert work.row_passes == 16 + 22 - 8
    assert work.measurements == 2 + 1
    assert work.stretches == 1 + 1 + 1, "the shared step, and a branch of each size"
    assert (work.branches, work.ends) == (1, 2)
    small, large = (batches(LENGTHS.train[:n], 5) for n in (8, 10))
    val = batches(LENGTHS.val, 5)
    assert work.batch_tokens == 3 * val.tokens + 2 * small.tokens + large.tokens
    assert len(work.untuned) == 3, "validation rows are the same at both sizes"


def test_runs_may_part_between_two_measurements(counted):
    work = counted(*({"train.epochs": n, "train.schedule": "wsd"} for n in (2, 4)))
    assert work.steps == 12 + 1, "the shorter one cools down in its last step"
    assert work.stretches == 2 + 1 + 3, "up to 3 and 5; to 6; to 6, 9 and 12"
    assert work.measurements == 1 + 1 + 3


def test_a_schedule_that_cools_down_keeps_no_end(counted):
    assert counted({"train.epochs": 4, "train.schedule": "wsd"}).ends == 0


def test_what_does_not_depend_on_rows_is_counted_without_them(counted):
    known, unknown = (
        counted({"train.epochs": 2}, lengths=rows) for rows in ({"rows": LENGTHS}, {})
    )
    assert unknown.tokens == unknown.batch_tokens == 0
    assert unknown[:2] == known[:2]
    assert unknown.measurements == known.measurements


def test_stretches_add_up_whatever_the_branches(counted):
    sizes = [8, 13, 22]
    parts = [counted({"data.size": size, "train.epochs": 3}) for size in sizes]
    whole = counted(*({"data.size": size, "train.epochs": 3} for size in sizes))
    shared = [really(LENGTHS.train, 1), really(LENGTHS.train, 1)]
    assert whole.tokens == sum(part.tokens for part in parts) - sum(shared)
    assert [b - a for a, b in pairwise(sorted(part.steps for part in parts))] == [3, 3]
