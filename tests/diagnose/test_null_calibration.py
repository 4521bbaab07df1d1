import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import calibration
import power


@pytest.mark.parametrize("n", [50, 100])
@pytest.mark.parametrize("clustered", [False, True])
def test_a_flat_loss_seems_to_rise_as_seldom_as_it_should(n, clustered):
    naive, _, ours, _ = calibration.rates(n, 0.0, repeats=600, clustered=clustered)
    assert 0.025 < ours < 0.08  # 3 to 7% over 2,000 repeats: benchmarks/calibration.py
    assert naive > 0.15


def test_a_rise_of_a_tenth_of_the_loss_is_mostly_found():
    assert calibration.rates(300, 0.2, repeats=100, clustered=False)[3] > 0.9


@pytest.mark.parametrize(("n", "rise"), [(50, 0.0), (100, 0.1)])
def test_five_tests_find_a_rise_as_often_as_the_power_table_says(n, rise):
    told = power.TABLE[n, rise]
    assert np.abs(power.off(power.shares(n, rise, 500)[: len(told)], told, 500)).max() < 3
