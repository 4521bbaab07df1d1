"""Golden stopping times: those of EarlyStopping.jl's tests, on the same losses."""

import math

import pytest

from epochwise.diagnose.prechelt import (
    final_generalization_loss,
    first_stop,
    generalization_loss,
    increases,
    progress,
    progress_quotient,
    since_best,
)

LOSSES = [10.0, 8.0, 9.0, 10.0, 11.0, 12.0, 12.0, 13.0, 14.0, 15.0, 16.0, 17.0, 16.0]
# Training losses measured between one validation loss and the next.
STRIPS = [
    [9.5, 9.3], [9.3, 9.1, 8.9], [8.3, 8.4], [9.9, 9.5], [10.6, 10.4], [8888.0, 11.8, 11.7],
    [11.6, 11.4], [12.2, 12.1], [14.5, 14.1], [13.9, 13.7], [12.5, 12.3], [11.2, 11.0],
    [10.5, 10.3],
]  # fmt: skip


@pytest.mark.parametrize(
    ("alpha", "stop"), [(12, 3), (20, 4), (40, 6), (90, 11), (110, 12), (1000, 0)]
)
def test_generalization_loss_stops_where_prechelt_stops(alpha, stop):
    assert first_stop(LOSSES, lambda seen: generalization_loss(seen) > alpha) == stop


@pytest.mark.parametrize(("n", "stop"), [(6, 0), (5, 12), (4, 6), (3, 5), (2, 4), (1, 3)])
def test_successive_increases_stop_where_prechelt_stops(n, stop):
    assert first_stop(LOSSES, lambda seen: increases(seen) == n) == stop


@pytest.mark.parametrize(("n", "stop"), [(6, 8), (5, 7), (4, 6), (3, 5), (2, 4), (1, 3)])
def test_losses_since_the_best_stop_where_they_should(n, stop):
    assert first_stop(LOSSES, lambda seen: since_best(seen) == n) == stop


def test_progress_is_the_mean_over_the_lowest():
    assert progress([2.0, 3.0, 6.0, 7.0]) == 1000 * (4.5 - 2) / 2


@pytest.mark.parametrize(("alpha", "stop"), [(2.0, 3), (3.8, 5), (11.6, 6), (15.1, 8), (15.3, 0)])
def test_progress_quotient_stops_where_prechelt_stops(alpha, stop):
    def quotient(seen):
        return progress_quotient(seen, STRIPS[len(seen) - 1][-2:])

    assert first_stop(LOSSES, lambda seen: quotient(seen) > alpha) == stop


def test_training_that_stands_still_has_an_infinite_quotient():
    assert progress_quotient([10.0, 10.0], [10.0, 10.0]) == math.inf


def test_a_short_curve_keeps_its_minimum():
    assert final_generalization_loss([2.0, 1.5, 1.9]) == pytest.approx(100 * (1.9 / 1.5 - 1))


def test_one_lucky_evaluation_of_a_long_curve_is_no_minimum():
    flat = [1.0] * 40
    flat[20] = 0.5
    assert final_generalization_loss(flat) == 0
    assert generalization_loss(flat) == 100


def test_losses_of_zero_have_not_risen():
    assert final_generalization_loss([0.0, 0.0]) == 0
