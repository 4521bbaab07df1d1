import math

import numpy as np
import pytest

from epochwise.diagnose.noise import above_lowest, contrast, student_quantile, student_share


def test_a_difference_is_weighted_by_tokens():
    # 3 nats over 10 tokens; residuals 1 - 0.3 * 2 and 2 - 0.3 * 8 are +-0.4.
    measured = contrast(np.array([1.0, 2.0]), np.array([2, 8]), np.array([0, 1]))
    assert measured.estimate == pytest.approx(0.3)
    assert measured.error == pytest.approx(math.sqrt(2 * (0.4**2 + 0.4**2)) / 10)


def test_equal_tokens_give_the_paired_t_test():
    differences = np.array([0.1, 0.4, 0.2, 0.9, 0.3])
    measured = contrast(10 * differences, np.full(5, 10), np.arange(5))
    error = differences.std(ddof=1) / math.sqrt(5)
    assert measured.error == pytest.approx(error)
    assert measured.low == pytest.approx(differences.mean() - 2.131847 * error, abs=1e-6)


def test_copies_of_a_row_add_no_certainty():
    nats = np.array([1.0, 4.0, 2.0, 9.0, 3.0])
    once = contrast(nats, np.full(5, 10), np.arange(5))
    copied = contrast(np.repeat(nats, 7), np.full(35, 10), np.repeat(np.arange(5), 7))
    assert copied.clusters == 5
    assert copied.error == pytest.approx(once.error)


def test_one_source_says_nothing_about_noise():
    measured = contrast(np.array([1.0, 2.0]), np.array([10, 10]), np.array([4, 4]))
    assert measured.estimate == pytest.approx(0.15)
    assert math.isnan(measured.error)
    assert not measured.low > -1e9


@pytest.mark.parametrize(
    ("freedom", "quantile"), [(1, 6.313752), (4, 2.131847), (30, 1.697261), (1000, 1.646379)]
)
def test_student_quantiles_are_the_tabulated_ones(freedom, quantile):
    assert student_quantile(0.95, freedom) == pytest.approx(quantile, abs=1e-4)
    assert student_share(quantile, freedom) == pytest.approx(0.95, abs=1e-5)


def test_luck_of_the_lowest_point_is_removed():
    # Each row is lowest at its own checkpoint by luck; the others never agree with it.
    nats = 10.0 + np.zeros((11, 10))
    nats[np.arange(10), np.arange(10)] = 0
    risen, kept = above_lowest(nats, np.arange(10))
    assert kept.sum() == 9
    assert risen[-1].tolist() == [0] * 9
    assert (nats[-1] - nats.min(axis=0)).tolist() == [10] * 10


def test_rows_of_one_source_are_compared_with_one_checkpoint():
    source = np.repeat(np.arange(6), 4)
    nats = np.random.default_rng(0).normal(size=(3, 24))
    risen, kept = above_lowest(nats, source)
    chosen = np.array([int(np.flatnonzero(column == 0)[0]) for column in risen.T])
    assert kept.sum() == 20
    assert all(len(set(chosen[source[kept] == one])) == 1 for one in set(source[kept]))


def test_the_plain_rise_of_all_rows_is_kept():
    nats = np.array([[3.0] * 20, [1.0] * 20, [2.0] * 20])
    risen, _ = above_lowest(nats, np.arange(20))
    assert risen[-1].tolist() == [1.0] * 18


def test_a_flat_curve_rises_in_one_of_twenty():
    rng = np.random.default_rng(1)
    repeats, points, rows = 400, 8, 100
    fired = 0
    for _ in range(repeats):
        nats = 10 * (1.8 + rng.normal(0, 0.35, (points, rows)))
        risen = above_lowest(nats, np.arange(rows))[0][-1]
        fired += contrast(risen, np.full(len(risen), 10), np.arange(len(risen))).low > 0
    assert 0.02 <= fired / repeats <= 0.07
