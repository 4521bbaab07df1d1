import math
from dataclasses import asdict, replace

import numpy as np
import pytest
from diagnose.planted import curve, curve_of, noisy, row_losses

from epochwise.diagnose.verdict import judge
from epochwise.record import write_json

LEARNT = [2.0, 1.5, 1.0, 0.6, 0.3, 0.2, 0.1, 0.05]
OVERFITTED = [2.0, 1.5, 1.4, 1.6, 1.9, 2.3, 2.8]


@pytest.mark.parametrize(
    ("vals", "headline"),
    [
        ([2.0], "inconclusive"),
        ([2.0, 1.5], "still_improving"),
        ([2.0, 1.5, 1.2, 1.0], "still_improving"),
        (OVERFITTED, "overfit_loss"),
        ([2.0, 2.3, 2.6, 3.0], "diverged"),
        ([2.0, 1.5, 1.3, 1.2, 7.0, 6.8], "diverged"),
        ([2.0, 1.9, 2.9], "overfit_loss"),
        ([2.0, 1.0, 1.04, 1.03, 1.02], "healthy"),
        ([2.0, math.nan], "diverged"),
        ([2.0, math.inf, 1.5], "diverged"),
        ([2.0, 2.0, 2.0], "no_learning"),
        ([0.0, 0.0, 0.0], "no_learning"),
        ([2.0, 1.5, 1.3, 1.2, 1.19, 1.189, 1.1885], "healthy"),
    ],
)
def test_a_curve_alone_gets_its_headline(vals, headline):
    assert judge(curve(vals), None).verdict == headline


def test_loss_above_the_base_is_overfitting_while_training_rows_are_fitted():
    assert judge(curve(OVERFITTED, LEARNT[:7]), None).verdict == "overfit_loss"
    assert judge(curve(OVERFITTED, OVERFITTED), None).verdict == "diverged"


def test_rows_learnt_by_heart_from_the_first_epoch_are_overfitting():
    assert judge(curve([2.0, 2.05, 2.4, 3.0], LEARNT[:4]), None).verdict == "overfit_loss"


def test_the_overfitted_run_is_measured():
    verdict = judge(curve(OVERFITTED, LEARNT[:7]), None)
    assert verdict.best_epoch == 2
    assert verdict.onset_epoch in (2, 3)
    assert verdict.rise == pytest.approx(1.4)
    assert verdict.gap == pytest.approx(2.7)
    assert verdict.confidence is None
    assert "train.epochs=2" in verdict.reasons[0].advice


def test_the_base_model_is_never_the_best_epoch():
    assert judge(curve([1.0, 1.3, 1.2], [1.0, 0.5, 0.2]), None).best_epoch == 2


@pytest.mark.parametrize(
    ("levels", "headline", "reason"),
    [
        ([2.0, 1.5, 1.4, 1.6, 1.9], "overfit_loss", "rise"),
        ([2.0, 1.5, 1.2], "still_improving", "improvement"),
        ([2.0, 1.5], "still_improving", "improvement"),
        ([2.0, 2.0, 2.0], "no_learning", "learned_share"),
        ([2.0, 2.5, 3.0], "diverged", "end_above_base"),
    ],
)
def test_planted_curves_are_found_in_rows(levels, headline, reason):
    rows = noisy(levels, 4000)
    probes = LEARNT[: len(levels)] if headline == "overfit_loss" else levels
    verdict = judge(curve_of(rows, probes), rows)
    assert (verdict.verdict, verdict.reasons[0].name) == (headline, reason)
    assert verdict.confidence > 0.95
    low, high = verdict.reasons[0].interval
    assert low < verdict.reasons[0].statistic < high


def test_a_certain_rise_of_one_percent_is_healthy():
    rows = noisy([2.0, 1.5, 1.4, 1.414], 2000, noise=0.05)
    verdict = judge(curve_of(rows, LEARNT[:4]), rows)
    assert verdict.verdict == "healthy"
    assert verdict.reasons[0].interval[0] > 0


def test_a_model_that_never_learnt_cannot_overfit():
    rows = noisy([2.0, 1.99, 2.035], 4000, noise=0.05)
    assert judge(curve_of(rows, [2.0, 1.99, 2.0]), rows).verdict == "no_learning"
    assert judge(curve_of(rows, LEARNT[:3]), rows).verdict == "overfit_loss"


def test_a_flat_end_with_little_noise_is_healthy():
    rows = noisy([2.0, 1.5, 1.4, 1.4, 1.4], 2000, noise=0.05)
    verdict = judge(curve_of(rows, LEARNT[:5]), rows)
    assert verdict.verdict == "healthy"
    assert verdict.confidence > 0.99


def test_few_noisy_rows_are_inconclusive_and_say_how_many_are_needed():
    rows = noisy([2.0, 1.4, 1.4, 1.4], 30)
    verdict = judge(curve_of(rows, LEARNT[:4]), rows)
    assert verdict.verdict == "inconclusive"
    assert "data.val_size=" in verdict.reasons[0].advice


def test_rows_of_few_sources_do_not_make_a_rise():
    # 200 rows of 4 passages: one passage rises, three do not.
    source = np.repeat(np.arange(4), 50)
    nats = np.array([20.0, 14.0, 14.0])[:, None] + np.random.default_rng(0).normal(0, 1, (3, 200))
    nats[2, source == 0] += 8
    apart = row_losses(nats)
    together = row_losses(nats, source=source)
    points = curve_of(apart, [2.0, 1.0, 0.5])
    assert judge(points, apart).verdict == "overfit_loss"
    assert judge(points, together).verdict == "inconclusive"


@pytest.mark.parametrize("source", [[0], [7, 7, 7]])
def test_one_source_is_inconclusive(source):
    rows = row_losses(np.array([[20.0], [14.0], [19.0]]).repeat(len(source), 1), source=source)
    verdict = judge(curve_of(rows), rows)
    assert verdict.verdict == "inconclusive"
    assert verdict.reasons[0].n == 1
    untold = replace(rows, val=rows.val[1:], probe=rows.probe[1:])
    assert judge(curve_of(rows)[1:], untold).verdict == "inconclusive"


@pytest.mark.parametrize("epochs", [0, 1, 2])
@pytest.mark.parametrize("level", [0.0, 2.0])
def test_constant_rows_are_judged(epochs, level):
    rows = row_losses(np.full((epochs + 1, 5), level))
    expected = "no_learning" if epochs else "inconclusive"
    assert judge(curve_of(rows), rows).verdict == expected


@pytest.mark.parametrize(
    "levels", [[2.0, 1.5, 1.4, 1.6, 1.9], [2.0, 1.4, 1.41], [2.0, 2.0], [2.0, 1.5, 1.2, 1.1]]
)
def test_the_order_of_rows_does_not_matter(levels):
    rows = noisy(levels, 200)
    rows = replace(rows, val_source=np.arange(200) // 3)
    order = np.random.default_rng(3).permutation(200)
    shuffled = replace(rows, val=rows.val[:, order], val_source=rows.val_source[order])
    one, other = (judge(curve_of(rows, LEARNT[: len(levels)]), r) for r in (rows, shuffled))
    assert one.verdict == other.verdict
    assert one.onset_epoch == other.onset_epoch
    assert one.confidence == pytest.approx(other.confidence)
    for reason, twin in zip(one.reasons, other.reasons, strict=True):
        assert reason.statistic == pytest.approx(twin.statistic, abs=1e-12)


def test_a_rise_does_not_begin_before_the_lowest_loss():
    losses = [4.015, 0.824, 0.732, 0.703, 0.706, 0.712, 0.723, 0.743, 0.742, 0.735, 0.755]
    rows = noisy([*losses, 0.747, 0.727, 0.763, 0.748, 0.75, 0.737], 2000, noise=0.05)
    verdict = judge(curve_of(rows), rows)
    assert verdict.verdict == "overfit_loss"
    assert verdict.best_epoch in (3, 4)
    assert verdict.best_epoch <= verdict.onset_epoch <= verdict.onset_interval[1]


def test_onset_is_where_the_rise_begins():
    rows = noisy([2.0, 1.5, 1.3, 1.301, 1.8, 2.0], 1000, seed=4)
    verdict = judge(curve_of(rows, LEARNT[:6]), rows)
    assert (verdict.best_epoch, verdict.onset_epoch) == (2, 3)
    assert verdict.onset_interval[0] <= 3 <= verdict.onset_interval[1]


def test_a_curve_without_the_base_model_is_judged():
    assert judge(curve([2.0, 1.5, 1.4, 1.6, 1.9])[1:], None).verdict == "overfit_loss"
    assert judge(curve([2.0, 1.5])[1:], None).verdict == "inconclusive"


def test_no_points_are_refused():
    with pytest.raises(ValueError, match="at least one"):
        judge([], None)


@pytest.mark.parametrize("vals", [[2.0], [2.0, math.nan], OVERFITTED, [0.0, 0.0]])
def test_a_verdict_can_be_saved(vals, tmp_path):
    write_json(tmp_path / "verdict.json", asdict(judge(curve(vals), None)))
    assert (tmp_path / "verdict.json").stat().st_size > 100


BOUNCING = [2.0, *(1.0 + 0.3 * (-1) ** number for number in range(9))]


def test_a_bounce_that_all_rows_share_is_unstable():
    rows = noisy(BOUNCING, 50, noise=0.3)
    verdict = judge(curve_of(rows), rows)
    assert "unstable" in verdict.flags
    (reason,) = [reason for reason in verdict.reasons if reason.name == "oscillation"]
    assert reason.interval[0] > reason.threshold == 4


def test_a_bounce_of_rows_that_each_go_their_own_way_is_none_of_the_models():
    rows = noisy([2.0, *(1.0 for _ in range(9))], 8, noise=0.8, seed=1)
    curve = curve_of(rows)
    assert "unstable" in judge(curve, None).flags  # the curve alone cannot tell
    assert "unstable" not in judge(curve, rows).flags


def test_a_model_that_learnt_is_not_told_to_raise_the_learning_rate():
    rows = noisy([2.0, 1.5, 1.2], 4000)
    told = {reason.name: reason.advice for reason in judge(curve_of(rows), rows).reasons}
    assert told["learned_share"].endswith("below the base model's, at epoch 2.")
