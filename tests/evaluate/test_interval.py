import math

import numpy as np
import pytest

from epochwise.evaluate.interval import mean, measure, ratio, share


def test_a_mean_comes_with_its_questions_and_an_interval_around_it() -> None:
    found = mean([0.0, 1.0] * 50, [str(n) for n in range(100)])
    assert (found.value, found.n) == (0.5, 100)
    assert found.low == pytest.approx(0.4, abs=0.02)  # 1.96 * 0.05
    assert found.high == pytest.approx(0.6, abs=0.02)


def test_questions_of_one_source_count_as_one_draw() -> None:
    values = [0.0] * 10 + [1.0] * 10
    alone = mean(values * 5, [str(n) for n in range(100)])
    clustered = mean(values * 5, [str(n // 10) for n in range(100)])
    assert alone.value == clustered.value
    assert clustered.high - clustered.low > 2 * (alone.high - alone.low)


def test_an_interval_holds_the_truth_19_times_in_20() -> None:
    rng = np.random.default_rng(1)
    hits = 0
    for _ in range(200):
        truth = rng.normal(size=40)[:, None] * 0.5 + rng.normal(size=(40, 3))
        found = mean(truth.ravel().tolist(), [str(n // 3) for n in range(120)])
        hits += found.low <= 0 <= found.high
    assert 180 <= hits <= 198


def test_equal_answers_leave_the_doubt_of_their_number() -> None:
    none = share([False] * 20, [str(n) for n in range(20)])
    assert (none.value, none.low) == (0, 0)
    assert none.high == pytest.approx(1 - 0.025 ** (1 / 20))  # Clopper and Pearson: 0.168
    every = share([True] * 20, [str(n // 4) for n in range(20)])
    assert (every.value, every.high) == (1, 1)
    assert every.low == pytest.approx(0.025 ** (1 / 5))  # five sources, not twenty


def test_one_source_alone_gives_no_interval() -> None:
    found = mean([0.0, 1.0], ["a", "a"])
    assert found.value == 0.5
    assert math.isnan(found.low)
    assert math.isnan(found.high)


def test_a_ratio_is_one_of_sums() -> None:
    table = np.array([[1.0, 1.0], [0.0, 3.0]])
    assert measure(table, ["a", "b"], ratio).value == 0.25  # a mean of ratios would be 0.5
