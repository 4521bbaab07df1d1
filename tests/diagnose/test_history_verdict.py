import sys
from pathlib import Path

import numpy as np
import pytest
from diagnose.curves import TRUTHS, planted

from epochwise.diagnose.trace import EMPTY, History, Trace
from epochwise.diagnose.unimodal import noise
from epochwise.diagnose.verdict import judge_history

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import verdicts


def trace(losses, at=None):
    at = np.arange(1.0, len(losses) + 1) if at is None else np.asarray(at, float)
    return Trace(at, np.asarray(losses, float))


def history(val=(), train=(), **told):
    return History(
        val=trace(val) if len(val) else EMPTY, train=trace(train) if len(train) else EMPTY, **told
    )


# DistilBERT with LoRA on IMDB, a public log: diagnosis.md, 2.6.
IMDB = [0.362, 0.555, 0.790, 0.677, 0.903, 1.006, 1.027, 1.104, 1.127, 1.132]
NOISY = np.random.default_rng(0).normal(0, 0.02, 40)
DECAY = np.exp(-np.arange(40) / 6)


@pytest.mark.parametrize(
    ("val", "train", "headline"),
    [
        (IMDB, [], "overfit_loss"),
        ([0.45, 0.59, 0.61], [0.5, 0.3, 0.2], "overfit_loss"),
        ([0.3, 0.32, 0.35, 0.4, 0.47], [0.3, 0.2, 0.1, 0.05, 0.02], "overfit_loss"),
        ([0.38, 0.31, 0.287, 0.283, 0.29, 0.30, 0.317, 0.335, 0.35, 0.38], [], "overfit_loss"),
        (1.05 + 0.6 * DECAY + 0.012 * np.maximum(0, np.arange(40) - 15) + NOISY, [],
         "overfit_loss"),
        (1.05 + 0.6 * DECAY + NOISY, [], "healthy"),
        ([0.14, 0.10, 0.085, 0.078, 0.074, 0.071, 0.072, 0.069, 0.070, 0.069], [], "healthy"),
        ([0.50, 0.45, 0.445], [0.6, 0.45, 0.4], "healthy"),
        ([0.395, 0.415, 0.389], [0.69, 0.53, 0.41, 0.38, 0.37, 0.3, 0.33], "healthy"),
        ([0.9, 0.7, 0.6], [], "still_improving"),
        ([1.30, 1.25, 1.20, 1.15, 1.10, 1.05], [], "still_improving"),
        ([0.6934, 0.6931, 0.6932, 0.6931], [0.695, 0.6935, 0.6933, 0.6932], "no_learning"),
        ([0.0, 0.0, 0.0], [], "no_learning"),
        ([1.0, 0.8, np.nan, np.nan], [], "diverged"),
        ([1.0, np.inf, 0.9], [], "diverged"),
        ([0.5, 0.45, 0.44, 3.2, 5.0, 9.8], [], "diverged"),
        ([1.2, 1.0, 0.95, 3.2, 7.0, 6.8], [1.4, 1.1, 0.9, 3.0, 7.0, 6.9], "diverged"),
        ([2.5, 1.0, 0.9, 1.9, 1.9, 1.9], [2.5, 1.0, 0.8, 1.9, 1.9, 1.9], "diverged"),
        ([1.0], [], "inconclusive"),
        ([0.5, 1.2, 0.45, 2.3, 0.6, 0.9, 0.4, 1.9, 0.42, 0.8, 0.41, 1.4], [], "inconclusive"),
        ([], 2.5 * np.exp(-np.arange(60) / 40) + 0.2, "still_improving"),
        ([], 2.3 + NOISY, "no_learning"),
        ([], np.r_[0.8 + 2 * DECAY, np.full(20, 7.0)], "diverged"),
        ([], 0.8 + 2 * DECAY + NOISY, "inconclusive"),
    ],
)  # fmt: skip
def test_a_history_gets_its_headline(val, train, headline):
    assert judge_history(history(val, train)).verdict == headline


def test_a_history_that_was_never_validated_says_that_overfitting_is_unknown():
    verdict = judge_history(history([], 0.8 + 2 * DECAY + NOISY))
    assert "overfitting cannot be known" in verdict.reasons[0].advice


def test_a_missing_base_is_said_where_nothing_was_learnt():
    told = judge_history(history([0.7, 0.7, 0.7])).reasons[0].advice
    assert "untrained model's loss is not in the file" in told
    based = judge_history(history([0.7, 0.7, 0.7], based=True)).reasons[0].advice
    assert "untrained" not in based


def test_noise_costs_levels_of_the_fit():
    # 20 flat points scatter by 1 around a fit of a few levels, which has taken in a part of it
    scatter = [noise(np.random.default_rng(seed).normal(0, 1, 20)).deviation for seed in range(50)]
    assert 0.9 < np.mean(scatter) < 1.1


def test_a_gap_in_the_evaluations_is_no_divergence():
    gaps = [1.0, np.nan, 0.8, np.nan, 0.7, np.nan, 0.69, np.nan, 0.688, np.nan]
    assert judge_history(history(gaps)).verdict == "healthy"


def test_a_lonely_spike_makes_a_run_unstable_and_nothing_worse():
    calm = [1.0, 0.8, 0.7, 0.65, 0.62, 0.61, 0.6, 0.59, 0.585, 0.58, 0.58, 0.58]
    spiked = [*calm[:5], 3.0, *calm[5:]]
    assert judge_history(history(calm)).flags == ()
    verdict = judge_history(history(spiked))
    assert (verdict.verdict, verdict.flags) == ("healthy", ("unstable",))


def test_the_scatter_of_few_rows_is_not_unstable():
    rng = np.random.default_rng(1)
    accurate = 0.5 + 0.5 * np.exp(-np.arange(60) / 8) + rng.normal(0, 0.02, 60)
    assert judge_history(history(accurate)).flags == ()


def test_step_losses_that_jump_make_a_run_unstable():
    rng = np.random.default_rng(2)
    steps = 1 + np.exp(-np.arange(400) / 50) + rng.normal(0, 0.05, 400)
    assert "unstable" not in judge_history(history([], steps)).flags
    steps[[250, 251]] = 4.0
    assert "unstable" in judge_history(history([], steps)).flags


def stairs(depth, far):
    """Three epochs of 100 steps; `far` is how far the last lies below validation."""
    level = np.repeat([1.0, 1.0 - depth, 1.0 - 2 * depth], 100)
    noise = np.random.default_rng(3).normal(0, 0.05, 300)
    steps = Trace(np.arange(1, 301) / 100, level + noise)
    return History(
        val=trace([far, far * 0.99, far]), train=steps, boundaries=np.array([0.0, 1, 2, 3])
    )


@pytest.mark.parametrize(
    ("depth", "far", "memorised"), [(0.4, 1.5, True), (0.4, 0.3, False), (0.0, 2.5, False)]
)
def test_rows_are_memorised_where_epochs_begin_lower_and_validation_is_far(depth, far, memorised):
    assert ("memorised" in judge_history(stairs(depth, far)).flags) == memorised


def test_a_steady_fall_has_no_drop_at_the_end_of_an_epoch():
    noise = np.random.default_rng(3).normal(0, 0.02, 300)
    steps = Trace(np.arange(1, 301) / 100, 1 - np.arange(300) / 330 + noise)
    ends = np.array([0.0, 1, 2, 3])
    told = judge_history(History(val=trace([1.5, 1.4, 1.4]), train=steps, boundaries=ends))
    assert "memorised" not in told.flags


@pytest.mark.parametrize(
    ("val", "based", "leaks"),
    [
        ([0.9, 0.7, 0.5, 0.4], False, True),
        ([1.1, 0.8, 0.5, 0.4], False, False),
        ([0.9, 0.7, 0.5, 0.4], True, True),
        ([0.5, 0.45, 0.35, 0.3], True, False),
    ],
)
def test_validation_below_the_training_rows_throughout_is_suspected(val, based, leaks):
    probe = trace([1.0, 0.9, 0.7, 0.6])
    told = judge_history(History(val=trace(val), probe=probe, based=based))
    assert ("leak_suspected" in told.flags) == leaks


def test_training_losses_measured_in_passing_suspect_no_leak():
    assert judge_history(history([0.9, 0.7, 0.5, 0.4], [1.0, 0.9, 0.7, 0.6])).flags == ()


@pytest.mark.parametrize("truth", TRUTHS)
@pytest.mark.parametrize("points", [5, 40, 300])
def test_neither_the_unit_of_the_loss_nor_of_the_axis_changes_a_verdict(truth, points):
    made = planted(truth, np.random.default_rng(5), points=points, noise=0.05).history
    plain = judge_history(made)
    scaled = judge_history(moved(made, loss=1000.0, axis=1.0))
    renamed = judge_history(moved(made, loss=1.0, axis=250.0, name="step"))
    for other in (scaled, renamed):
        assert (other.verdict, other.flags) == (plain.verdict, plain.flags)
        assert other.confidence == pytest.approx(plain.confidence, abs=1e-9)
    assert renamed.best_epoch == pytest.approx(250 * plain.best_epoch)
    if plain.onset_epoch is not None:
        assert renamed.onset_epoch == pytest.approx(250 * plain.onset_epoch)


def moved(made, *, loss, axis, name="epoch"):
    val, train = (Trace(axis * t.at, loss * t.losses) for t in (made.val, made.train))
    ends = None if made.boundaries is None else axis * made.boundaries
    return History(val=val, train=train, axis=name, boundaries=ends)


def test_an_onset_is_found_with_an_interval_that_mostly_holds_it():
    rng = np.random.default_rng(7)
    held, off = 0, []
    for _ in range(30):
        made = planted("overfit_loss", rng, points=60, noise=0.05)
        verdict = judge_history(made.history)
        low, high = verdict.onset_interval
        held += low <= made.onset <= high
        off.append(abs(verdict.onset_epoch - made.onset) / made.history.val.at[-1])
    assert np.median(off) < 0.05
    assert held >= 26


def test_planted_histories_are_told_apart():
    table = verdicts.confusion(0.05, 5)
    assert verdicts.macro_f1(table) >= 0.95
    assert verdicts.wrong(table) < 0.04


def test_noise_that_drowns_everything_is_inconclusive_more_often_than_wrong():
    table = verdicts.confusion(0.5, 2)
    for truth in ("healthy", "still_improving", "no_learning"):
        row = table[truth]
        assert row["inconclusive"] > sum(row.values()) - row["inconclusive"] - row[truth]
