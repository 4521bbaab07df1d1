import math
from dataclasses import replace

import numpy as np
import pytest
from diagnose.planted import record, rows_of, study

from epochwise.diagnose.cells import cells
from epochwise.diagnose.discoveries import doubtful
from epochwise.diagnose.finding import find
from epochwise.diagnose.guard import guard
from epochwise.diagnose.regret import regret, seed_spread
from epochwise.diagnose.seeds import seeds_needed


def with_penalty(rows: int, epochs: int) -> float:
    return 1 + 4 / (rows * epochs) ** 0.4 + 0.03 * (epochs - 1) ** 0.7 * (rows / 100) ** -0.5


def surface(loss, sizes=(50, 100, 200, 400), lengths=(1, 2, 4, 8, 16, 32)):
    return {(n, e): loss(n, e) for n in sizes for e in lengths}


def test_the_law_with_a_penalty_finds_the_epochs_between_those_tried():
    finding = find(*study(surface(with_penalty), noise=0.001))
    assert finding.law.law == "M2"
    for optimum in finding.law.optima:
        lengths = range(1, 65)
        best = min(lengths, key=lambda e: with_penalty(optimum.size, e))
        assert abs(optimum.epochs - best) <= 1
        assert optimum.interval[0] <= best <= optimum.interval[1]
        assert not optimum.beyond


def test_of_laws_that_choose_alike_the_simpler_is_taken():
    flat = find(*study(surface(lambda n, e: 1.5 + 1e-3 * e)))
    assert flat.law.law == "M0"
    falling = find(*study(surface(lambda n, e: 1 + 4 / (n * e) ** 0.4), noise=0.001))
    assert falling.law.law == "M1"
    assert falling.law.regrets["M1"] == pytest.approx(falling.law.regrets["M2"], abs=1e-6)


def test_no_optimum_is_told_beyond_twice_the_longest_run():
    finding = find(*study(surface(lambda n, e: 1 + 4 / (n * e) ** 0.4, lengths=(1, 2, 4, 8))))
    assert {optimum.epochs for optimum in finding.law.optima} == {16}
    assert all(optimum.beyond for optimum in finding.law.optima)
    assert any("16 epochs or more" in sentence for sentence in finding.sentences)


def test_three_lengths_or_two_sizes_are_too_few_for_a_law():
    assert find(*study(surface(with_penalty, lengths=(1, 2, 4)))).law is None
    assert find(*study(surface(with_penalty, sizes=(50, 100)))).law is None
    assert find(*study(surface(with_penalty, lengths=(1, 2, 4, 8)))).law is not None


def test_ranks_that_matter_are_in_the_law():
    records = [
        record(list(np.linspace(3, with_penalty(n, e) + 0.3 / rank, e + 1)), size=n, rank=rank)
        for n in (50, 100, 200)
        for e in (1, 2, 4, 8)
        for rank in (2, 8)
    ]
    finding = find(records, rows_of(records, noise=0.001))
    assert set(finding.law.regrets) == {"M0", "M1", "M2", "M3"}


def test_twice_the_data_is_foretold_by_the_line_through_the_last_three_sizes():
    def loss(n, e):
        return 4 * n**-0.2

    more = find(*study(surface(loss, lengths=(1,)), noise=0.001)).more_data
    assert (more.size, more.sizes) == (800, (100, 200, 400))
    assert more.loss == pytest.approx(4 * 800**-0.2)
    assert more.gain == pytest.approx(4 * 400**-0.2 - 4 * 800**-0.2)
    assert more.interval[0] < more.gain < more.interval[1]
    assert more.helps is True


def test_the_error_of_such_lines_is_in_the_interval():
    more = find(*study(surface(lambda n, e: 1.5, lengths=(1,)), noise=0.0)).more_data
    # 1.3% of the line and 0.23% of the seeds make 1.32%, of 1.5.
    assert more.interval[1] == pytest.approx(1.645 * 1.5 * 0.0132, rel=0.06)


def test_data_that_no_longer_helps_is_not_promised():
    more = find(*study(surface(lambda n, e: 1.5, lengths=(1,)), noise=0.001)).more_data
    assert more.gain == pytest.approx(0, abs=1e-9)
    assert more.interval[0] < 0 < more.interval[1]
    assert more.helps is not True


def test_two_sizes_do_not_tell_what_more_data_brings():
    assert find(*study({(32, 1): 1.5, (64, 1): 1.4})).more_data is None


def test_sizes_are_compared_at_equal_epochs_and_at_equal_steps():
    grid = {(32, 4): 1.5, (32, 8): 1.6, (64, 4): 1.3, (64, 2): 1.4, (64, 8): 1.2}
    epochs, steps = find(*study(grid)).slices
    assert (epochs.kind, epochs.at, steps.kind, steps.at) == ("equal_epochs", 8, "equal_steps", 256)
    assert epochs.losses == pytest.approx({32: 1.6, 64: 1.2})
    assert steps.losses == pytest.approx({32: 1.6, 64: 1.3})


def test_seeds_go_where_it_is_open_which_cell_is_best():
    grid = {(32, 1): 1.5, (32, 2): 1.4, (32, 4): 1.4005, (32, 8): 1.9}
    needed = find(*study(grid, noise=0.2)).next_seeds
    assert {need.cell["train.epochs"] for need in needed.cells[:2]} == {2, 4}
    assert 2 <= len(needed.cells) <= 4
    assert needed.difference == pytest.approx(0.005 * 1.4)  # eps: a smaller one is no difference


def test_a_sure_recommendation_asks_for_no_seeds():
    assert find(*study({(32, 1): 1.9, (32, 2): 1.2})).next_seeds is None


def test_the_seeds_that_a_difference_needs():
    assert seeds_needed(0.19, 0.4) == 4
    assert seeds_needed(0.19, 0.2) == 15


def at_rate(rate: float, loss: float):
    made = record([2.0, 1.8, loss])
    settings = made.settings | {"train": made.settings["train"] | {"learning_rate": rate}}
    return replace(made, id=f"{made.id} lr{rate:g}", settings=settings)


def test_a_learning_rate_that_was_not_varied_is_said_to_be_unchecked():
    records = [at_rate(4e-4, 1.5)]
    found = find(records, rows_of(records)).guard
    assert (found.half, found.double, found.holds) == (None, None, None)
    assert found.sentence.startswith("The learning rate was not checked: run this cell also at")
    assert "0.0002 and 0.0008" in found.sentence


def test_a_learning_rate_between_two_worse_ones_holds():
    records = [at_rate(2e-4, 1.6), at_rate(4e-4, 1.4), at_rate(8e-4, 1.7)]
    found = find(records, rows_of(records)).guard
    assert found.holds is True
    assert (found.half, found.double) == (pytest.approx(1.6), pytest.approx(1.7))


def test_a_better_learning_rate_beside_the_recommended_one_is_named():
    records = [at_rate(4e-4, 1.500), at_rate(8e-4, 1.499)]
    rows = rows_of(records)
    grid = cells(records)
    measured = regret(grid, rows)
    tight = measured._replace(eps=0.0005)
    assert guard(grid, tight, 0).holds is False
    assert "0.0008 is better" in guard(grid, tight, 0).sentence
    assert guard(grid, measured, 0).holds is None  # within eps, and half was not run


def judged(name: str, verdict: str, confidence: float | None):
    made = record([2.0, 1.5])
    return replace(made, id=name, verdict={"verdict": verdict, "confidence": confidence})


def test_verdicts_that_may_be_chance_among_many_do_not_stand():
    # Of 4 tests the bounds are 0.025, 0.05, 0.075, 0.1: p = 0.01 and 0.04 stand, 0.09 does not.
    records = [
        judged("clear", "overfit_loss", 0.99),
        judged("likely", "overfit_loss", 0.96),
        judged("weak", "still_improving", 0.91),
        judged("well", "healthy", 0.99),
    ]
    assert doubtful(records) == ("weak",)
    assert doubtful(records[:3]) == ()  # of 3 tests the last bound is 0.1


def test_lengths_of_one_line_are_one_observation_of_the_spread():
    records = [
        record([2.0] * (epochs + 1), size=32, seed=seed) for epochs in (1, 2, 4) for seed in (0, 1)
    ]
    grid = cells(records)
    spread = seed_spread(grid, [np.array([2.0, 2.2])] * 3)
    assert spread.freedom == 1 + 3  # 3 are what is believed beforehand
    assert spread.measured == pytest.approx(math.sqrt(0.02))
    others = cells([record([2.0, 2.0], size=n, seed=s) for n in (1, 2, 3) for s in (0, 1)])
    assert seed_spread(others, [np.array([2.0, 2.2])] * 3).freedom == 3 + 3


def test_of_cells_named_sure_nine_in_ten_are_as_good_as_the_best():
    rng = np.random.default_rng(0)
    sure = right = 0
    for study_number in range(40):
        seeds = 1 + study_number % 3
        spread = 0.004 * math.exp(0.7 * rng.standard_normal())
        truth = 2 + rng.choice([0.01, 0.03, 0.08]) * rng.random(6)
        records = [
            record([2.0, *[2.0] * cell, truth[cell] + spread * rng.standard_normal()], seed=seed)
            for cell in range(6)
            for seed in range(seeds)
        ]
        rows = rows_of(records, noise=0.0, count=30)
        noisy = {
            name: replace(losses, val=losses.val + 10 * rng.normal(0, 0.02, losses.val.shape))
            for name, losses in rows.items()
        }
        measured = regret(cells(records), noisy)
        named = measured.p_regret >= 0.9
        sure += int(named.sum())
        right += int((named & (truth - truth.min() <= measured.eps)).sum())
    assert sure > 30
    assert right / sure >= 0.88
