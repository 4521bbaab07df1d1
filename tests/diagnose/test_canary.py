"""Exposure against the cases of tensorflow/privacy, and by chance."""

from dataclasses import replace

import numpy as np
import pytest
from diagnose.planted import curve_of, noisy

from epochwise.diagnose.canary import canary, exposure
from epochwise.diagnose.symptom import Evidence
from epochwise.diagnose.verdict import judge


def test_exposures_are_those_of_tensorflow_privacy():
    references = np.arange(1.0, 17.0)
    assert exposure(np.array([0.0, 0.1]), references) == pytest.approx([4.0, 4.0])
    assert exposure(np.array([20.0]), references) == pytest.approx([np.log2(16 / 17)])
    assert exposure(np.array([3.5]), references) == pytest.approx([2.0])


def with_secrets(secrets: np.ndarray, references: np.ndarray):
    rows = noisy([2.0, 1.5, 1.4], 20)
    nats = np.concatenate([secrets, references])
    repeats = [(1, 4, 16)[place % 3] for place in range(len(secrets))] + [0] * len(references)
    return replace(rows, canaries=np.stack([nats] * 3), canary_repeats=np.array(repeats))


@pytest.mark.parametrize("count", [3, 12, 48])
def test_by_chance_one_in_twenty_is_called_remembered(count):
    rng = np.random.default_rng(count)
    fired = []
    for _ in range(2000):
        rows = with_secrets(rng.normal(9, 1, count), rng.normal(9, 1, 256))
        found = canary(Evidence(tuple(curve_of(rows)), rows))
        assert found is not None
        fired.append(found.shown)
    assert 0.03 <= np.mean(fired) <= 0.07


def test_remembered_secrets_are_told_whatever_the_verdict():
    rng = np.random.default_rng(0)
    rows = with_secrets(np.array([9.0, 4.0, 0.1]), rng.normal(9, 1, 256))
    reasons = {reason.name: reason for reason in judge(curve_of(rows), rows).reasons}
    told = reasons["canary_exposure"]
    assert told.statistic > told.threshold
    assert "planted 16 times 8.0" in told.advice
    assert "can be drawn out of the model" in told.advice
