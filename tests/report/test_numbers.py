import math
from dataclasses import replace

import pytest
from report import simulate

from epochwise.record import Point, Record
from epochwise.report.arm import arms
from epochwise.report.numbers import Place, curves, heat, scaling
from epochwise.report.table import results


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
        "train.learning_rate 0.0001",
        "train.learning_rate 0.0004",
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
