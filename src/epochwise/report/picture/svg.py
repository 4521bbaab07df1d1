"""The whole picture: title, axes, marks, key."""

import unicodedata
from collections.abc import Iterator, Sequence
from html import unescape
from pathlib import Path
from typing import NamedTuple
from xml.etree.ElementTree import Element, ElementTree, SubElement, indent

from epochwise.record import JSON
from epochwise.report.figure.style import FONT
from epochwise.report.picture.marks import DASHES, Plane, draw, path, points, sign, text
from epochwise.report.picture.scale import Tick, scale, ticks

WIDTH = 680
TOP, RIGHT, BOTTOM = 40, 16, 52
LONGEST = 60  # characters of a name; the numbers have it whole
FEW = 12  # names in a key
LINE = 18  # height of one of its lines
GRID = {"stroke": "#808080", "stroke-opacity": "0.25"}


class Entry(NamedTuple):
    name: str
    trace: JSON


def save(figure: JSON, title: str, file: Path) -> None:
    """Leave an SVG on white whose words are text, for any font that has their letters."""
    layout, key = figure["layout"], _key(figure)
    rows = list(_rows(key))
    height = layout["height"] + TOP + LINE * len(rows)
    root = Element("svg", _frame(height))
    SubElement(root, "rect", {"width": "100%", "height": "100%", "fill": "#ffffff"})
    SubElement(root, "title").text = title
    text(root, _short(title), (WIDTH / 2, 22), anchor="middle", size="15")
    bottom = height - BOTTOM - LINE * len(rows)
    _plot(figure, bottom, root)
    for row, entries in enumerate(rows):
        _write(entries, height - 12 - LINE * (len(rows) - 1 - row), root)
    indent(root)
    ElementTree(root).write(file, encoding="utf-8", xml_declaration=True)


def _frame(height: int | float) -> dict[str, str]:
    size = {"width": str(WIDTH), "height": str(height), "viewBox": f"0 0 {WIDTH} {height}"}
    look = {"font-family": FONT, "font-size": "12", "fill": "#1b1f24"}
    return {"xmlns": "http://www.w3.org/2000/svg", **size, **look}


def _plot(figure: JSON, bottom: int | float, root: Element) -> None:
    layout = figure["layout"]
    across, up = layout["xaxis"], layout["yaxis"]
    values = [_extent(trace) for trace in figure["data"]]
    y = scale(up, [value for _, ys in values for value in ys], bottom, TOP)
    marked = ticks(up, y)
    left = 34 + max((_width(_short(tick.text)) for tick in marked), default=0)
    x = scale(across, [value for xs, _ in values for value in xs], left, WIDTH - RIGHT)
    if not layout.get("shapes"):
        for tick in marked:
            path(root, [(left, tick.at), (WIDTH - RIGHT, tick.at)], GRID)
    _label_up(marked, left, root)
    _label_across(ticks(across, x), bottom, root)
    text(
        root, unescape(across["title"]["text"]), ((left + WIDTH) / 2, bottom + 40), anchor="middle"
    )
    middle = (TOP + bottom) / 2
    turned = f"rotate(-90 16 {middle})"
    text(root, unescape(up["title"]["text"]), (16, middle), anchor="middle", transform=turned)
    _marks(figure, Plane(x, y), root)


def _marks(figure: JSON, plane: Plane, root: Element) -> None:
    x, y = plane
    box = {"x": str(x.start), "y": str(y.end - 3)}
    box |= {"width": str(x.end - x.start), "height": str(y.start - y.end + 6)}
    SubElement(SubElement(root, "clipPath", {"id": "plot"}), "rect", box)
    group = SubElement(root, "g", {"clip-path": "url(#plot)"})
    for trace in figure["data"]:
        draw(trace, plane, group)
    for shape in figure["layout"].get("shapes", ()):
        corners = [(shape[a], shape[b]) for a, b in (("x0", "y0"), ("x1", "y0"), ("x1", "y1"))]
        corners += [(shape["x0"], shape["y1"]), (shape["x0"], shape["y0"])]
        line = shape["line"]
        look = {"stroke": line["color"], "stroke-width": str(line["width"])}
        path(group, [plane.place(*corner) for corner in corners], look)


def _extent(trace: JSON) -> tuple[list[float], list[float]]:
    """All values that a trace reaches, its error bars' ends too; a heat map's axes say theirs."""
    if trace["type"] == "heatmap":
        return [], []
    xs, ys = zip(*points(trace), strict=True) if trace["x"] else ((), ())
    return _reached(xs, trace.get("error_x")), _reached(ys, trace.get("error_y"))


def _reached(values: Sequence[int | float], error: JSON | None) -> list[float]:
    if error is None:
        return list(values)
    bars = zip(values, error["arrayminus"], error["array"], strict=True)
    ends = [(value - (below or 0), value + (above or 0)) for value, below, above in bars]
    return [end for pair in ends for end in pair]


def _label_up(marked: list[Tick], left: int | float, root: Element) -> None:
    for tick in marked:
        text(root, _short(tick.text), (left - 7, tick.at + 4), anchor="end")


def _label_across(marked: list[Tick], bottom: int | float, root: Element) -> None:
    for tick in marked:
        path(root, [(tick.at, bottom), (tick.at, bottom + 4)], {"stroke": "#808080"})
        text(root, _short(tick.text), (tick.at, bottom + 18), anchor="middle")


def _key(figure: JSON) -> list[Entry]:
    """The names of the traces, where there are several and not too many."""
    entries = [
        Entry(_short(unescape(trace["name"])), trace)
        for trace in figure["data"]
        if trace.get("name") and trace.get("showlegend", True)
    ]
    return entries if 1 < len(entries) <= FEW else []


def _rows(key: list[Entry]) -> Iterator[list[Entry]]:
    row: list[Entry] = []
    for entry in key:
        if row and sum(_width(each.name) + 44 for each in [*row, entry]) > WIDTH - 40:
            yield row
            row = []
        row.append(entry)
    if row:
        yield row


def _write(entries: list[Entry], y: int | float, root: Element) -> None:
    x = 34.0
    for name, trace in entries:
        if "lines" in trace["mode"]:
            dash = DASHES[trace["line"].get("dash", "solid")]
            line = {"stroke": trace["line"]["color"], "stroke-width": "2", "stroke-dasharray": dash}
            path(root, [(x, y - 4), (x + 22, y - 4)], line)
        if "markers" in trace["mode"]:
            sign(trace["marker"], (x + 11, y - 4), root)
        text(root, name, (x + 28, y))
        x += _width(name) + 44


def _short(words: str) -> str:
    return words if len(words) <= LONGEST else f"{words[: LONGEST - 1]}…"


def _width(words: str) -> float:
    """About, in pixels: letters of the East are twice as wide."""
    return sum(12.5 if unicodedata.east_asian_width(letter) in "WF" else 6.8 for letter in words)
