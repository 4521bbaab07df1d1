import math

import pytest

from epochwise.report.figure import (
    ColourRange,
    colour_range,
    curve_panel,
    frame,
    heat_map,
    scaling_lines,
    top,
)
from epochwise.report.numbers import Curve, Heat, Place, Scaling

CURVE = Curve(
    arm="rank 2",
    size=32,
    runs=("a",),
    epochs=(0, 1, 2, 3, 4),
    val=(3.0, 2.0, 1.0, 1.5, 2.0),
    probe=(3.0, 2.0, 1.0, 0.5, 0.25),
    best_epoch=2,
    onset=3.0,
)
HEAT = Heat(
    "rank 2", (32, 64), (1, 2), ((2.0, 4.0), (1.0, None)), 3.0, Place(64, 1), (Place(32, 1),)
)


def test_doubling_epochs_stand_one_apart() -> None:
    panel = curve_panel([CURVE], ["rank 2"], frame([CURVE]))
    assert panel["data"][1]["x"] == pytest.approx([0, 1, 2, math.log2(3) + 1, 3])
    assert panel["layout"]["xaxis"]["ticktext"] == [0, 1, 2, 4]


def test_other_epochs_stand_where_they_are() -> None:
    three = CURVE._replace(
        epochs=(0, 1, 2, 3), val=(3.0, 2.0, 1.0, 1.5), probe=(3.0, 2.0, 1.0, 0.5)
    )
    panel = curve_panel([three], ["rank 2"], frame([three]))
    assert panel["data"][1]["x"] == [0, 1, 2, 3]


def test_probe_is_dashed_and_the_star_stands_at_the_best_epoch() -> None:
    probe, val, onset, star = curve_panel([CURVE], ["rank 2"], frame([CURVE]))["data"]
    assert (probe["line"]["dash"], probe["y"]) == ("dash", [3, 2, 1, 0.5, 0.25])
    assert (val["line"]["dash"], val["y"]) == ("solid", [3, 2, 1, 1.5, 2])
    assert onset["y"] == [0, 1.5]
    assert (star["text"], star["y"]) == (["2"], [1.0])


def test_a_diverged_curve_leaves_the_frame_at_twice_the_base_loss() -> None:
    wild = CURVE._replace(val=(3.0, 2.0, 1.0, 400.0, math.nan))
    assert top([wild]) == pytest.approx(1.05 * 6)
    assert curve_panel([wild], ["rank 2"], frame([wild]))["data"][1]["y"][4] is None


def test_curves_without_a_finite_loss_can_be_drawn() -> None:
    lost = CURVE._replace(val=(math.nan,) * 5, probe=(math.nan,) * 5)
    assert math.isfinite(top([lost]))


def test_names_are_shown_as_they_are_not_as_markup() -> None:
    named = CURVE._replace(arm="<b>r</b>")
    panel = curve_panel([named], ["<b>r</b>"], frame([named]))
    assert panel["data"][0]["customdata"][0] == "&lt;b&gt;r&lt;/b&gt;, training probe"


def test_the_heat_map_prints_every_loss_and_says_where_none_is() -> None:
    surface, missing, equals = heat_map(HEAT, colour_range([HEAT]))["data"]
    assert surface["z"] == [[2.0, 4.0], [1.0, None]]
    assert (surface["texttemplate"], surface["hoverongaps"]) == ("%{z:.3f}", False)
    assert (missing["x"], missing["y"], missing["text"]) == ([1], [1], ["no run"])
    assert [round(x) for x in (*equals["x"], *equals["y"])] == [0, 0]


def test_a_loss_that_is_not_finite_is_told_apart_from_a_missing_run() -> None:
    surface, missing, _ = heat_map(
        HEAT._replace(loss=((2.0, math.nan), (1.0, None))), colour_range([HEAT])
    )["data"]
    assert surface["z"] == [[2.0, None], [1.0, None]]
    assert missing["text"] == ["not finite", "no run"]


def test_the_recommended_cell_is_outlined() -> None:
    shapes = heat_map(HEAT, colour_range([HEAT]))["layout"]["shapes"]
    assert {(round(s["x0"] + 0.48), round(s["y0"] + 0.47)) for s in shapes} == {(0, 1)}
    none = heat_map(HEAT._replace(recommended=None), colour_range([HEAT]))
    assert not none["layout"].get("shapes")


def test_colours_end_at_the_base_loss_where_cells_are_above_it() -> None:
    assert colour_range([HEAT]) == ColourRange(1.0, 3.0, True)
    assert colour_range([HEAT._replace(base=9.0)]) == ColourRange(1.0, 4.0, False)


def test_scaling_writes_the_best_number_of_epochs_beside_its_loss() -> None:
    (line,) = scaling_lines([Scaling("r", (32, 64), (2.0, 1.5), (1, 4))], ["r"])["data"]
    assert (line["x"], line["y"], line["text"]) == ([32, 64], [2.0, 1.5], ["1 epoch", "4 epochs"])
