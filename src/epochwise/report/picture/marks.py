"""Lines, signs, texts and surfaces, as elements of an SVG."""

import math
from collections.abc import Iterable, Sequence
from html import unescape
from typing import Any, NamedTuple
from xml.etree.ElementTree import Element, SubElement

from epochwise.record import JSON
from epochwise.report.figure.heat import cividis
from epochwise.report.picture.scale import Scale

DASHES = {"solid": "", "dash": "7 5", "dot": "2 3"}
STAR = [(5 if i % 2 else 13, math.pi * i / 5) for i in range(10)]
SIGNS = {  # in units of half a sign's size, the corners of each
    "square": [(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)],
    "diamond": [(0, -1.3), (1.3, 0), (0, 1.3), (-1.3, 0)],
    "triangle-up": [(0, -1.2), (1.15, 0.9), (-1.15, 0.9)],
    "star": [(r / 10 * math.sin(angle), -r / 10 * math.cos(angle)) for r, angle in STAR],
    "x": [(-1, -1), (0, -0.35), (1, -1), (0.35, 0), (1, 1), (0, 0.35), (-1, 1), (-0.35, 0)],
    "cross": [(-0.35, -1.1), (0.35, -1.1), (0.35, 1.1), (-0.35, 1.1), (-0.35, 0.35)]
    + [(-1.1, 0.35), (-1.1, -0.35), (1.1, -0.35), (1.1, 0.35), (-0.35, 0.35)],
}


At = tuple[int | float, int | float]


class Plane(NamedTuple):
    x: Scale
    y: Scale

    def place(self, x: int | float, y: int | float) -> At:
        return self.x.at(x), self.y.at(y)


def draw(trace: JSON, plane: Plane, into: Element) -> None:
    if trace["type"] == "heatmap":
        _surface(trace, plane, into)
        return
    if "fill" in trace:
        _area(trace, plane, into)
        return
    mode = trace["mode"]
    if "lines" in mode:
        _line(trace, plane, into)
    _errors(trace, plane, into)
    if "markers" in mode:
        for x, y in points(trace):
            if math.isfinite(x) and math.isfinite(y):
                sign(trace["marker"], plane.place(x, y), into)
    if mode == "text":
        _texts(trace, plane, into)


def points(trace: JSON) -> list[At]:
    return list(zip(_numbers(trace["x"]), _numbers(trace["y"]), strict=True))


def sign(marker: JSON, at: At, into: Element) -> None:
    half, (x, y), colour = marker["size"] / 2, at, marker["color"]
    name = marker["symbol"]
    hollow = {"fill": "none", "stroke": colour, "stroke-width": "1.5"}
    look = hollow if name.endswith("-open") else {"fill": colour}
    if name == "line-ns-open":
        path(into, [(x, y - half), (x, y + half)], {"stroke": colour, "stroke-width": "2"})
    elif name.startswith("circle"):
        SubElement(into, "circle", {"cx": _n(x), "cy": _n(y), "r": _n(half)} | look)
    else:
        corners = [(x + half * dx, y + half * dy) for dx, dy in SIGNS[name.removesuffix("-open")]]
        SubElement(into, "path", {"d": _d(corners) + "Z"} | look)


def path(into: Element, corners: Sequence[At], look: dict[str, str]) -> None:
    if corners:
        SubElement(into, "path", {"d": _d(corners), "fill": "none"} | look)


def text(into: Element, words: str, at: At, **look: str) -> None:
    names = {"anchor": "text-anchor", "size": "font-size"}
    attributes = {names.get(name, name): value for name, value in look.items()}
    element = SubElement(into, "text", {"x": _n(at[0]), "y": _n(at[1])} | attributes)
    element.text = words


def _line(trace: JSON, plane: Plane, into: Element) -> None:
    """Parted where a loss was not finite."""
    line = trace["line"]
    look = {"stroke": line["color"], "stroke-width": _n(line["width"] * 0.8)}
    look["stroke-dasharray"] = DASHES[line.get("dash", "solid")]
    part: list[At] = []
    for x, y in [*points(trace), (math.nan, math.nan)]:
        if not (math.isfinite(x) and math.isfinite(y)):
            path(into, part, look)
            part = []
            continue
        at = plane.place(x, y)
        if part and line.get("shape") == "hv":
            part.append((at[0], part[-1][1]))
        part.append(at)


def _area(trace: JSON, plane: Plane, into: Element) -> None:
    corners = [plane.place(x, y) for x, y in points(trace)]
    SubElement(into, "path", {"d": _d(corners) + "Z", "fill": "#808080", "fill-opacity": "0.22"})


def _errors(trace: JSON, plane: Plane, into: Element) -> None:
    for axis in ("x", "y"):
        error = trace.get(f"error_{axis}")
        if error is None:
            continue
        reach = zip(_numbers(error["arrayminus"]), _numbers(error["array"]), strict=True)
        for (x, y), (below, above) in zip(points(trace), reach, strict=True):
            if math.isfinite(below) and math.isfinite(above):
                ends = (
                    [(x - below, y), (x + above, y)]
                    if axis == "x"
                    else [(x, y - below), (x, y + above)]
                )
                look = {"stroke": error["color"], "stroke-width": "1.5"}
                path(into, [plane.place(*end) for end in ends], look)


def _texts(trace: JSON, plane: Plane, into: Element) -> None:
    font = trace["textfont"]
    for words, (x, y), colour in zip(trace["text"], points(trace), font["color"], strict=True):
        at, size = plane.place(x, y), str(font["size"] - 1)
        text(into, unescape(words), (at[0], at[1] + 4), anchor="middle", size=size, fill=colour)


def _surface(trace: JSON, plane: Plane, into: Element) -> None:
    low, high = trace["zmin"], trace["zmax"]
    for y, losses in zip(trace["y"], trace["z"], strict=True):
        for x, loss in zip(trace["x"], losses, strict=True):
            if loss is not None:
                share = (loss - low) / ((high - low) or 1)
                _cell(
                    plane.place(x - 0.49, y + 0.48),
                    plane.place(x + 0.49, y - 0.48),
                    cividis(share),
                    into,
                )


def _cell(corner: At, opposite: At, fill: str, into: Element) -> None:
    (x, y), (right, bottom) = corner, opposite
    box = {"x": _n(x), "y": _n(y), "width": _n(right - x), "height": _n(bottom - y)}
    SubElement(into, "rect", box | {"fill": fill})


def _d(corners: Iterable[At]) -> str:
    return "M" + "L".join(f"{_n(x)} {_n(y)}" for x, y in corners)


def _numbers(values: Sequence[Any]) -> list[float]:
    return [math.nan if value is None else float(value) for value in values]


def _n(value: int | float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")
