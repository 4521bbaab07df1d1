import math

import pytest
from report import simulate

from epochwise.diagnose.cells import Cell
from epochwise.record import JSON
from epochwise.report.arm import Arm
from epochwise.report.figure.curve import curve_panel, frame, gap_panel, top
from epochwise.report.figure.heat import ColourRange, cividis, colour_range, heat_map
from epochwise.report.figure.scaling import optimum_lines, scaling_lines
from epochwise.report.figure.style import COLOURS, MARKERS, contrast
from epochwise.report.language import words
from epochwise.report.legend import Legend, legend
from epochwise.report.numbers.curve import Curve
from epochwise.report.numbers.heat import Heat, Place
from epochwise.report.numbers.optimum import Optima
from epochwise.report.numbers.scaling import Law, Scaling

EN = words("en")

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


def named(*labels: str) -> Legend:
    """A legend of arms of two sizes, told apart by their rank."""
    record = simulate.record(32, 1, 2)
    arms = [
        Arm(
            label,
            tuple(
                Cell({"data.size": size, "train.epochs": 1, "peft.r": rank}, (record,))
                for size in (32, 64)
            ),
        )
        for rank, label in enumerate(labels)
    ]
    return legend(arms, EN)


def panel(curve: Curve) -> JSON:
    return curve_panel([curve], named(curve.arm), frame([curve]))


HEAT = Heat(
    "rank 2", (32, 64), (1, 2), ((2.0, 4.0), (1.0, None)), 3.0, Place(64, 1), (Place(32, 1),)
)


def test_doubling_epochs_stand_one_apart() -> None:
    drawn = panel(CURVE)
    assert drawn["data"][1]["x"] == pytest.approx([0, 1, 2, math.log2(3) + 1, 3])
    assert drawn["layout"]["xaxis"]["ticktext"] == ["0", "1", "2", "4"]


def test_other_epochs_stand_where_they_are() -> None:
    three = CURVE._replace(
        epochs=(0, 1, 2, 3), val=(3.0, 2.0, 1.0, 1.5), probe=(3.0, 2.0, 1.0, 0.5)
    )
    drawn = panel(three)
    assert drawn["data"][1]["x"] == [0, 1, 2, 3]


def test_probe_is_dashed_and_the_star_stands_at_the_best_epoch() -> None:
    probe, val, onset, star = panel(CURVE)["data"]
    assert (probe["line"]["dash"], probe["y"]) == ("dash", [3, 2, 1, 0.5, 0.25])
    assert (val["line"]["dash"], val["y"]) == ("solid", [3, 2, 1, 1.5, 2])
    assert onset["y"] == [0, 1.5]
    assert (star["text"], star["y"]) == (["2"], [1.0])


def test_a_diverged_curve_leaves_the_frame_at_twice_the_base_loss() -> None:
    wild = CURVE._replace(val=(3.0, 2.0, 1.0, 400.0, math.nan))
    assert top([wild]) == pytest.approx(1.05 * 6)
    assert panel(wild)["data"][1]["y"][4] is None


def test_curves_without_a_finite_loss_can_be_drawn() -> None:
    lost = CURVE._replace(val=(math.nan,) * 5, probe=(math.nan,) * 5)
    assert math.isfinite(top([lost]))


def test_names_are_shown_as_they_are_not_as_markup() -> None:
    drawn = panel(CURVE._replace(arm="<b>r</b>"))
    assert drawn["data"][0]["name"] == "&lt;b&gt;r&lt;/b&gt;, training probe"


def test_the_heat_map_prints_every_loss_and_says_where_none_is() -> None:
    surface, written, equals = heat_map(HEAT, colour_range([HEAT]), EN)["data"]
    assert surface["z"] == [[2.0, 4.0], [1.0, None]]
    assert written["text"] == ["2.000", "4.000", "1.000", "no run"]
    assert (written["x"], written["y"]) == ([0, 1, 0, 1], [0, 0, 1, 1])
    assert [round(x) for x in (*equals["x"], *equals["y"])] == [0, 0]


def test_a_loss_that_is_not_finite_is_told_apart_from_a_missing_run() -> None:
    surface, written, _ = heat_map(
        HEAT._replace(loss=((2.0, math.nan), (1.0, None))), colour_range([HEAT]), EN
    )["data"]
    assert surface["z"] == [[2.0, None], [1.0, None]]
    assert written["text"] == ["2.000", "not finite", "1.000", "no run"]


def test_the_recommended_cell_is_outlined() -> None:
    shapes = heat_map(HEAT, colour_range([HEAT]), EN)["layout"]["shapes"]
    assert {(round(s["x0"] + 0.48), round(s["y0"] + 0.47)) for s in shapes} == {(0, 1)}
    none = heat_map(HEAT._replace(recommended=None), colour_range([HEAT]), EN)
    assert not none["layout"].get("shapes")


def test_colours_end_at_the_base_loss_where_cells_are_above_it() -> None:
    assert colour_range([HEAT]) == ColourRange(1.0, 3.0, True)
    assert colour_range([HEAT._replace(base=9.0)]) == ColourRange(1.0, 4.0, False)


def test_every_number_on_the_heat_map_can_be_read() -> None:
    for step in range(101):
        loss = 1 + step / 50
        drawn = heat_map(HEAT._replace(loss=((loss,) * 2,) * 2), ColourRange(1, 3, True), EN)
        ink = drawn["data"][1]["textfont"]["color"][0]
        assert contrast(ink, cividis(step / 100)) >= 4.5


def test_scaling_tells_the_best_number_of_epochs_with_its_loss() -> None:
    line = Scaling("r", (32, 64), (2.0, 1.5), (1, 4))
    (drawn,) = scaling_lines([line], None, named("r"))["data"]
    assert (drawn["x"], drawn["y"]) == ([32, 64], [2.0, 1.5])
    assert drawn["text"] == ["1 epoch", "4 epochs"]


def test_the_fitted_line_goes_to_twice_the_rows_with_its_band() -> None:
    line = Scaling("r", (32, 64), (2.0, 1.5), (1, 4))
    law = Law((32.0, 64.0, 128.0), (2.0, 1.5, 1.125), 128, 1.125, 1.0, 1.25)
    band, fitted, _, twice = scaling_lines([line], law, named("r"))["data"]
    assert (band["x"], band["y"]) == ([64, 128, 128], [1.5, 1.0, 1.25])
    assert fitted["y"] == [2.0, 1.5, 1.125]
    assert (twice["x"], twice["y"]) == ([128], [1.125])
    assert twice["error_y"]["arrayminus"] == [0.125]


def test_the_law_puts_its_optimum_with_an_interval() -> None:
    line = Scaling("r", (32, 64), (2.0, 1.5), (1, 4))
    optima = Optima(2, (32, 64), (2, 6), (1, 5), (4, 8))
    measured, law = optimum_lines([line], optima, named("r"))["data"]
    assert (measured["y"], law["y"]) == ([1, 4], [2, 6])
    assert (law["error_y"]["arrayminus"], law["error_y"]["array"]) == ([1, 1], [2, 2])


def test_the_gap_is_validation_minus_probe() -> None:
    (line,) = gap_panel([CURVE], named("rank 2"), frame([CURVE]))["data"]
    assert line["y"] == [0, 0, 0, 1, 1.75]


def test_a_trace_is_shown_by_the_buttons_of_its_size_and_rank() -> None:
    shown = named("a", "b")
    assert [[choice.value for choice in axis.choices] for axis in shown.axes] == [
        ["32", "64"],
        ["0", "1"],
    ]
    drawn = curve_panel([CURVE._replace(arm="b", size=64)], shown, frame([CURVE]))
    assert {tuple(trace["meta"]) for trace in drawn["data"]} == {(1, 3)}


def test_no_two_of_forty_two_arms_look_alike() -> None:
    assert len({(i % len(COLOURS), i % len(MARKERS)) for i in range(42)}) == 42


@pytest.mark.parametrize("paper", ["#ffffff", "#14171b"])
@pytest.mark.parametrize("colour", COLOURS)
def test_lines_stand_out_from_light_and_dark_paper(colour: str, paper: str) -> None:
    assert contrast(colour, paper) >= 3  # WCAG 2.2, 1.4.11: of what is not text


def test_plotly_knows_every_property_that_we_set() -> None:
    import plotly.graph_objects as go

    law = Law((32.0, 64.0, 128.0), (2.0, 1.5, 1.125), 128, 1.125, 1.0, 1.25)
    line = Scaling("r", (32, 64), (2.0, 1.5), (1, 4))
    go.Figure(heat_map(HEAT, colour_range([HEAT]), EN))
    go.Figure(panel(CURVE))
    go.Figure(scaling_lines([line], law, named("r")))
