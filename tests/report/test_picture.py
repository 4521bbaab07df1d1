"""Pictures on disk: the marks of the page's figures, where their numbers put them."""

import math
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from epochwise.report.figure.style import figure, layout, scatter
from epochwise.report.picture.scale import Scale, scale, ticks
from epochwise.report.picture.svg import save

SVG = "{http://www.w3.org/2000/svg}"


def line(**changes: Any) -> dict[str, Any]:
    look = {"line": {"color": "#0072b2", "width": 2}, "marker": {"size": 8}}
    look["marker"] |= {"symbol": "square", "color": "#0072b2"}
    return scatter(x=[0, 1, 2], y=[3.0, 1.0, 2.0], mode="lines", name="a", **look) | changes


def drawn(traces: list[dict[str, Any]], path: Path, title: str = "t") -> ElementTree.Element:
    save(figure(traces, layout(300, "epochs", "loss")), title, path / "one.svg")
    return ElementTree.parse(path / "one.svg").getroot()


def lines(root: ElementTree.Element) -> list[list[tuple[float, float]]]:
    paths = [p for p in root.iter(f"{SVG}path") if p.get("stroke") == "#0072b2"]
    corners = [(p.get("d") or "").removeprefix("M").split("L") for p in paths]
    return [[tuple(map(float, at.split())) for at in each] for each in corners]  # type: ignore[misc]


def test_a_line_goes_through_its_points(tmp_path: Path) -> None:
    ((left, high), (middle, low), (right, between)) = lines(drawn([line()], tmp_path))[0]
    assert right - middle == pytest.approx(middle - left)
    assert between == pytest.approx((high + low) / 2)
    assert low > high  # a picture's y grows downwards


def test_a_loss_that_is_not_finite_parts_the_line(tmp_path: Path) -> None:
    parted = line(x=[0, 1, 2, 3], y=[3.0, math.nan, 1.0, 2.0])
    assert [len(part) for part in lines(drawn([parted], tmp_path))] == [1, 2]


def test_a_frontier_goes_across_before_it_goes_down(tmp_path: Path) -> None:
    steps = line(line={"color": "#0072b2", "width": 2, "shape": "hv"})
    corners = lines(drawn([steps], tmp_path))[0]
    assert len(corners) == 5
    assert corners[1][1] == corners[0][1]
    assert corners[1][0] == corners[2][0]


def test_names_are_told_where_there_are_several(tmp_path: Path) -> None:
    def texts(*traces: dict[str, Any]) -> list[str | None]:
        return [each.text for each in drawn(list(traces), tmp_path).iter(f"{SVG}text")]

    assert "a" not in texts(line())
    assert {"a", "b"} <= set(texts(line(), line(name="b")))
    assert "b" not in texts(line(), line(name="b", showlegend=False))


def test_text_of_others_stays_text(tmp_path: Path) -> None:
    attack = "</text><script>alert(1)</script>"
    root = drawn([line(), line(name="b")], tmp_path, attack)
    assert not list(root.iter(f"{SVG}script"))
    assert attack in [each.text for each in root.iter(f"{SVG}text")]


def test_an_error_bar_reaches_from_low_to_high(tmp_path: Path) -> None:
    bar = {"array": [1.0, 0, 0], "arrayminus": [0.5, 0, 0], "color": "#0072b2"}
    ((x, low), (same, high)) = lines(drawn([line(error_y=bar, mode="markers")], tmp_path))[0]
    assert x == same
    assert low > high


@pytest.mark.parametrize(("values", "told"), [([0.62, 0.71], 5), ([0, 17], 4), ([1e-5, 2e-5], 3)])
def test_ticks_are_round_few_and_inside(values: list[float], told: int) -> None:
    drawn = scale({}, values, 0, 100)
    marked = ticks({}, drawn)
    assert told <= len(marked) <= 8
    assert all(0 <= tick.at <= 100 for tick in marked)
    assert len({tick.text for tick in marked}) == len(marked)


def test_a_logarithmic_axis_puts_a_doubling_equally_far_everywhere() -> None:
    axis = {"type": "log"}
    drawn = scale(axis, [32, 512], 0, 100)
    assert drawn.at(64) - drawn.at(32) == pytest.approx(drawn.at(512) - drawn.at(256))
    assert [tick.text for tick in ticks(axis, drawn)] == ["50", "100", "200", "500"]


def test_an_axis_of_one_value_has_room() -> None:
    assert scale({}, [2.0], 0, 100).at(2.0) == pytest.approx(50)
    assert Scale(0, 0, 5, 10, False).at(0) == 5


def test_the_same_figure_is_the_same_file(tmp_path: Path) -> None:
    drawn([line()], tmp_path)
    first = (tmp_path / "one.svg").read_bytes()
    drawn([line()], tmp_path)
    assert (tmp_path / "one.svg").read_bytes() == first
