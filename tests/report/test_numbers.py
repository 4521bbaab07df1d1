import math
from dataclasses import replace

import pytest
from report import simulate

from epochwise.record import Point, Record
from epochwise.report.arm import Arm
from epochwise.report.arm import arms as named_arms
from epochwise.report.language import words
from epochwise.report.numbers import frontier, optimum, seeds
from epochwise.report.numbers import scaling as rows
from epochwise.report.numbers.curve import curves
from epochwise.report.numbers.heat import Place, heat
from epochwise.report.numbers.scaling import scaling
from epochwise.report.table import results


def arms(records: list[Record]) -> list[Arm]:
    return named_arms(records, words("en"))


def ending(size: int, epochs: int, val: float, seed: int = 0) -> Record:
    points = (Point(0, 3.0, 3.0), *(Point(e, val, 1.0) for e in range(1, epochs + 1)))
    return simulate.changed(simulate.record(size, epochs, 2, seed), curve=points)


def test_cells_are_the_losses_of_the_table() -> None:
    records = simulate.grid()
    losses = {
        (row["rank"], row["size"], row["epochs"]): row["val_loss"] for row in results(records)
    }
    both = arms(records)
    assert [arm.label for arm in both] == ["rank 2", "rank 8"]
    for rank, arm in zip(simulate.RANKS, both, strict=True):
        surface = heat(arm, both, None, ())
        assert (surface.sizes, surface.epochs) == (simulate.SIZES, simulate.EPOCHS)
        assert surface.loss == tuple(
            tuple(losses[rank, size, epochs] for epochs in surface.epochs) for size in surface.sizes
        )


def test_a_cell_is_the_mean_of_its_seeds() -> None:
    records = [ending(32, 1, 1.0), ending(32, 1, 2.0, seed=1)]
    (arm,) = arms(records)
    assert heat(arm, [arm], None, ()).loss == ((1.5,),)


def test_a_cell_without_a_run_is_not_zero() -> None:
    both = arms([ending(32, 1, 1.0), ending(32, 2, 2.0), ending(64, 1, 3.0)])
    assert heat(both[0], both, None, ()).loss == ((1.0, 2.0), (3.0, None))


def test_the_recommended_cell_and_its_equals_are_marked_in_their_own_arm_only() -> None:
    records = simulate.grid()
    both = arms(records)
    two, eight = (heat(arm, both, records[0].id, (records[16].id,)) for arm in both)
    assert (two.recommended, two.equals) == (Place(32, 1), ())
    assert (eight.recommended, eight.equals) == (None, (Place(32, 2),))


def test_no_setting_but_the_seed_is_averaged_over() -> None:
    slow, fast = ending(32, 1, 1.0), ending(32, 1, 2.0)
    slow.settings["train"]["learning_rate"] = 1e-4
    assert [arm.label for arm in arms([slow, fast])] == [
        "learning rate 0.0001",
        "learning rate 0.0004",
    ]


def test_of_a_trunk_with_several_sizes_each_has_its_curve() -> None:
    records = simulate.grid()
    study = simulate.study(records)
    one_trunk = tuple(replace(run, trunk=f"r{run.overrides['peft.r']}") for run in study.runs)
    drawn = curves(arms(records), replace(study, runs=one_trunk))
    assert sorted((curve.size, curve.arm) for curve in drawn) == sorted(
        (curve.size, curve.arm) for curve in curves(arms(records), study)
    )
    assert {curve.epochs[-1] for curve in drawn} == {max(simulate.EPOCHS)}


def test_runs_of_one_trunk_are_one_curve_and_its_numbers_are_the_records() -> None:
    records = simulate.grid()
    drawn = curves(arms(records), simulate.study(records))
    longest = [record for record in records if record.settings["train"]["epochs"] == 16]
    assert [curve.runs for curve in drawn] == [(record.id,) for record in longest]
    for curve, record in zip(drawn, longest, strict=True):
        assert curve.val == tuple(point.val for point in record.curve)
        assert curve.probe == tuple(point.probe for point in record.curve)
        assert curve.best_epoch == results([record])[0]["best_epoch"]
        assert curve.onset == record.verdict["onset_epoch"]  # type: ignore[index]


def test_seeds_are_one_mean_curve_with_the_best_epoch_of_the_mean() -> None:
    first = simulate.changed(
        simulate.record(32, 2, 2), curve=(Point(0, 3, 3), Point(1, 1.0, 2), Point(2, 2.0, 1))
    )
    second = simulate.changed(
        simulate.record(32, 2, 2, seed=1),
        curve=(Point(0, 3, 3), Point(1, 2.5, 2), Point(2, 0.5, 1)),
    )
    (curve,) = curves(arms([first, second]), simulate.study([first, second]))
    assert (curve.val, curve.best_epoch, curve.onset) == ((3, 1.75, 1.25), 2, None)


def test_scaling_takes_the_lowest_loss_of_each_size_and_never_nan() -> None:
    records = [
        ending(32, 1, math.nan),
        ending(32, 2, 2.0),
        ending(64, 1, 1.5),
        ending(64, 2, 1.25),
    ]
    (line,) = (scaling(arm) for arm in arms(records))
    assert (line.sizes, line.loss, line.epochs) == ((32, 64), pytest.approx((2.0, 1.25)), (2, 2))


def test_the_gap_of_a_curve_is_what_the_table_says_at_its_end() -> None:
    records = [simulate.record(32, 16, 8)]
    (drawn,) = curves(arms(records), simulate.study(records))
    assert drawn.gap[-1] == results(records)[0]["gap"]


def test_no_cheaper_run_equals_one_on_the_frontier() -> None:
    records = simulate.grid()
    found = frontier.frontier(arms(records))
    prices = {row["id"]: (row["tokens"], row["val_loss"]) for row in results(records)}
    assert {run.run: (run.price, run.loss) for run in found.runs} == prices
    best = [
        id
        for id, (price, loss) in prices.items()
        if not any(p <= price and x <= loss and (p, x) != (price, loss) for p, x in prices.values())
    ]
    assert {run.run for run in found.best} == set(best)


def test_models_are_priced_by_time_as_their_tokens_cost_differently() -> None:
    small, large = simulate.record(32, 1, 2), simulate.record(32, 2, 2)
    large.settings["model"]["name"] = "world_4m"
    assert frontier.frontier(arms([small])).unit == "tokens"
    assert frontier.frontier(arms([small, large])).unit == "seconds"


def test_seeds_of_a_setting_are_shown_together_and_lone_runs_are_not() -> None:
    found = seeds.spreads(
        arms([ending(32, 1, 1.0), ending(32, 1, 2.0, seed=1), ending(64, 1, 1.0)])
    )
    assert [(each.size, each.seeds, each.losses) for each in found] == [(32, (0, 1), (1.0, 2.0))]


def test_the_line_is_the_one_that_the_finding_was_told_by() -> None:
    finding = simulate.invented(simulate.grid())
    finding["standings"] = [
        {"cell": finding["cell"] | {"data.size": size}, "loss": 4 / math.sqrt(size)}
        for size in (32, 128, 512)
    ]
    finding["more_data"] = {
        "size": 1024,
        "sizes": [32, 128, 512],
        "loss": 4 / 32,
        "interval": [0.04, 0.06],
    }
    law = rows.law(finding)
    assert law is not None
    assert law.loss[-1] == pytest.approx(law.expected)
    assert (law.low, law.high) == pytest.approx(
        (4 / math.sqrt(512) - 0.06, 4 / math.sqrt(512) - 0.04)
    )
    assert rows.law(finding | {"more_data": None}) is None


def test_the_laws_optima_are_the_findings() -> None:
    one = {"size": 32, "rank": 8, "epochs": 10, "interval": [9, 15], "beyond": False}
    found = optimum.optima({"law": {"optima": [one, one | {"size": 64, "epochs": 8}]}})
    assert found == optimum.Optima(8, (32, 64), (10, 8), (9, 9), (15, 15))
    assert optimum.optima({"law": None}) is None
