"""What losses per row tell beside the curve: membership, forgetting, over-confidence."""

from dataclasses import replace

import numpy as np
import pytest
from diagnose.planted import curve_of, row_losses

from epochwise.diagnose.calibration import calibration, refitted
from epochwise.diagnose.forgetting import FORGOTTEN, forgetting
from epochwise.diagnose.membership import learnt_by_heart, membership
from epochwise.diagnose.symptom import Evidence, Symptom


def evidence(rows):
    return Evidence(tuple(curve_of(rows)), rows)


def with_probe(gain, *, probes=100, rows=200, spread=0.3, source=None):
    """Validation rows gain 1 nat a token and probe rows 1 + gain, all of 10 tokens."""
    rng = np.random.default_rng(3)
    val = np.stack([np.full(rows, 30.0), 20 + 10 * rng.normal(0, spread, rows)])
    probe = np.stack([np.full(probes, 30.0), 20 - 10 * gain + 10 * rng.normal(0, spread, probes)])
    return replace(
        row_losses(val),
        probe=probe,
        probe_tokens=np.full(probes, 10),
        probe_source=np.arange(probes) if source is None else source,
    )


def test_rows_learnt_by_heart_are_told_from_others():
    found = membership(evidence(with_probe(gain=1.0)))
    assert found.shown
    assert found.reason.statistic > 0.95
    assert found.reason.interval[0] > 0.9
    assert found.reason.n == 300
    assert "learnt by heart" in found.reason.advice


def test_rows_that_gain_alike_are_not():
    found = membership(evidence(with_probe(gain=0.0)))
    assert not found.shown
    low, high = found.reason.interval
    assert low < 0.5 < high


def test_the_share_is_that_of_pairs_and_a_tie_is_half():
    rows = with_probe(gain=0.0, probes=2, rows=2, spread=0.0)
    probe = np.array([[30.0, 30.0], [20.0, 10.0]])
    assert membership(evidence(replace(rows, probe=probe))).reason.statistic == 0.75


def test_rows_of_one_source_are_drawn_together():
    alone = membership(evidence(with_probe(gain=0.3)))
    together = membership(evidence(with_probe(gain=0.3, source=np.arange(100) // 25)))
    widths = [np.ptp(found.reason.interval) for found in (alone, together)]
    assert widths[1] > widths[0]


def test_easy_rows_are_no_sign():
    """Training rows that cost less from the start, and gain as much, are not memorised."""
    rows = with_probe(gain=0.0)
    assert not membership(evidence(replace(rows, probe=rows.probe - 15))).shown


@pytest.mark.parametrize(
    ("drop", "told", "shown"),
    [(True, True, True), (False, True, False), (None, True, True), (True, None, True)],
)
def test_both_signs_must_show_where_both_were_measured(drop, told, shown):
    signs = [None if sign is None else Symptom(sign, None, None) for sign in (drop, told)]
    assert learnt_by_heart(*signs).shown is shown


def general(lost, texts=30):
    rng = np.random.default_rng(0)
    base = 100 + rng.normal(0, 20, texts)
    rows = row_losses(np.array([[30.0] * 20, [20.0] * 20]))
    after = base + 40 * (lost + rng.normal(0, 0.05, texts))
    return replace(rows, general=np.stack([base, after]), general_tokens=np.full(texts, 40))


@pytest.mark.parametrize(("lost", "shown"), [(0.0, False), (0.05, False), (0.2, True)])
def test_forgetting_is_what_general_texts_cost_more(lost, shown):
    found = forgetting(evidence(general(lost)))
    assert found.shown is shown
    assert found.reason.statistic == pytest.approx(lost, abs=0.02)
    assert found.reason.threshold == FORGOTTEN
    assert found.reason.n == 30


def test_with_the_adapter_off_nothing_is_forgotten():
    rows = general(0.3)
    off = replace(rows, general=np.stack([rows.general[0], rows.general[0]]))
    found = forgetting(evidence(off))
    assert (found.reason.statistic, found.shown) == (0.0, False)


def test_what_was_not_measured_is_not_judged():
    plain = evidence(row_losses(np.array([[30.0] * 20, [20.0] * 20])))
    assert forgetting(plain) is None
    assert calibration(plain) is None


def sharpened(*, lost=0.0, points=4, rows=400):
    """Rows of 10 tokens, of which a share is right; scores grow with each epoch.

    At temperature T a token costs log(1 + exp(-score / T)) with its sign: what a logistic model
    of fixed accuracy costs as it grows over-confident. `lost` is taken from the accuracy at the
    end.
    """
    rng = np.random.default_rng(1)
    temperatures = np.array([0.5, 2.0, 4.0 / 1.4, 8.0 / 1.4])
    right = rng.random((rows, 10)) < 0.8
    nats = np.empty((points, 5, rows))
    correct = np.empty((points, rows), int)
    for point in range(points):
        now = right & (rng.random((rows, 10)) > lost * (point == points - 1))
        score = (0.0, 1.4, 4.0, 8.0)[point] * np.where(now, 1, -1)
        for number, t in enumerate([1.0, *temperatures]):
            nats[point, number] = np.log1p(np.exp(-score / t)).sum(axis=1)
        correct[point] = now.sum(axis=1)
    return replace(
        row_losses(nats[:, 0]),
        temperatures=temperatures,
        val_tempered=nats[:, 1:],
        val_correct=correct,
    )


def test_a_rise_that_one_temperature_takes_back_is_over_confidence():
    rows = sharpened()
    found = calibration(evidence(rows))
    assert rows.val[-1].mean() > 1.5 * rows.val[1].mean()
    assert found.shown
    assert "divided by 5.7" in found.reason.advice


def test_a_rise_with_lost_accuracy_is_not():
    found = calibration(evidence(sharpened(lost=0.2)))
    assert not found.shown
    assert "does not mend it" in found.reason.advice


def test_each_half_is_refitted_with_the_temperature_of_the_other():
    tempered = np.array([[[9.0, 1.0, 9.0, 1.0]]])
    rows = replace(
        row_losses(np.full((1, 4), 5.0)), temperatures=np.array([2.0]), val_tempered=tempered
    )
    nats, temperature = refitted(rows)
    assert nats.shape == (1, 4)
    assert temperature in (1.0, 2.0)
    labels = np.random.default_rng(0).permutation(4) % 2 == 0
    for inside in (labels, ~labels):
        best = tempered[0, 0, ~inside].sum() < 10.0
        expected = tempered[0, 0, inside] if best else np.full(2, 5.0)
        assert nats[0, inside].tolist() == expected.tolist()
