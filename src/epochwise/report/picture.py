"""A figure as a picture that needs no browser: the same marks, drawn by matplotlib.

It draws what our figures are made of, from the very JSON that the page hands to plotly.js, so page
and picture cannot differ. (kaleido would draw them with a Chrome, which few machines have.)
"""

import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from epochwise.record import JSON

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INCH = 96  # plotly's pixels
WIDTH = 640  # of them
LONGEST = 60  # characters of a name
STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "epochwise",  # the same figure is the same file
    "text.parse_math": False,  # a dollar sign of a model's name is no formula
    "font.size": 9,
}
DASHES = {"solid": "-", "dash": "--", "dot": ":"}
SIGNS = {
    "circle": "o",
    "circle-open": "o",
    "square": "s",
    "diamond": "D",
    "triangle-up": "^",
    "x": "X",
    "star": "*",
    "cross": "P",
    "line-ns-open": "|",
}


def save(figure: JSON, title: str, path: Path) -> None:
    """Leave an SVG whose words are text, for any font that has their letters."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context(STYLE), _any_letters():
        size = (WIDTH / INCH, (figure["layout"]["height"] + 30) / INCH)
        drawn = Figure(figsize=size, layout="constrained")
        axes = drawn.subplots()
        for trace in figure["data"]:
            _draw(trace, axes)
        _frame(figure["layout"], axes)
        _legend(axes)
        axes.set_title(_short(title), fontsize=10)
        drawn.savefig(path, format="svg", metadata={"Date": None})


@contextmanager
def _any_letters() -> Iterator[None]:
    """Letters that matplotlib's own font lacks are measured as boxes, and written all the same."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        yield


def _draw(trace: JSON, axes: "Axes") -> None:
    if trace["type"] == "heatmap":
        _surface(trace, axes)
        return
    x, y = (_numbers(trace[key]) for key in ("x", "y"))
    mode = trace["mode"]
    if "fill" in trace:
        axes.fill(x, y, color="#808080", alpha=0.22, linewidth=0)
    elif mode != "text" and x:
        _marks(trace, mode, (x, y), axes)
    if "text" in mode:
        _texts(trace, (x, y), axes)


def _marks(trace: JSON, mode: str, points: tuple[list[float], list[float]], axes: "Axes") -> None:
    line, sign = trace.get("line", {}), trace.get("marker", {})
    colour = sign.get("color", line.get("color"))
    hollow = sign.get("symbol", "").endswith("-open")
    axes.errorbar(
        *points,
        xerr=_errors(trace.get("error_x")),
        yerr=_errors(trace.get("error_y")),
        color=colour,
        linestyle=DASHES[line.get("dash", "solid")] if "lines" in mode else "",
        linewidth=line.get("width", 2) * 0.75,
        drawstyle="steps-post" if line.get("shape") == "hv" else "default",
        marker=SIGNS[sign["symbol"]] if "markers" in mode else "",
        markersize=sign.get("size", 6) * 0.7,
        markerfacecolor="none" if hollow else colour,
        elinewidth=1,
        label=_short(trace.get("name", "")) if trace.get("showlegend", True) else None,
    )


def _texts(trace: JSON, points: tuple[list[float], list[float]], axes: "Axes") -> None:
    colours = trace["textfont"]["color"]
    for text, x, y, colour in zip(trace["text"], *points, colours, strict=True):
        axes.text(x, y, unescape(text), ha="center", va="center", color=colour, clip_on=True)


def _surface(trace: JSON, axes: "Axes") -> None:
    from matplotlib.colors import LinearSegmentedColormap

    grid = [[math.nan if loss is None else loss for loss in line] for line in trace["z"]]
    axes.pcolormesh(
        trace["x"],
        trace["y"],
        grid,
        cmap=LinearSegmentedColormap.from_list("scale", trace["colorscale"]),
        vmin=trace["zmin"],
        vmax=trace["zmax"],
        edgecolors="white",
        linewidth=2,
        shading="nearest",
    )


def _frame(layout: JSON, axes: "Axes") -> None:
    from matplotlib.patches import Rectangle
    from matplotlib.ticker import NullLocator

    for shape in layout.get("shapes", ()):
        box = (shape["x1"] - shape["x0"], shape["y1"] - shape["y0"])
        line = shape["line"]
        edge = {"edgecolor": line["color"], "linewidth": line["width"] * 0.6, "fill": False}
        axes.add_patch(Rectangle((shape["x0"], shape["y0"]), *box, zorder=3, **edge))
    for side, of in (("x", axes.xaxis), ("y", axes.yaxis)):
        axis = layout[f"{side}axis"]
        of.set_label_text(unescape(axis["title"]["text"]))
        log = axis.get("type") == "log"
        if log:
            axes.set(**{f"{side}scale": "log"})
        if "range" in axis:
            ends = [10**end for end in axis["range"]] if log else axis["range"]
            axes.set(**{f"{side}lim": ends})
        if "tickvals" in axis:
            of.set_ticks(axis["tickvals"], [_short(text) for text in axis["ticktext"]])
            of.set_minor_locator(NullLocator())
    if "shapes" not in layout:
        axes.grid(color="#808080", alpha=0.2)
    axes.spines[["top", "right"]].set_visible(False)


def _legend(axes: "Axes") -> None:
    handles, labels = axes.get_legend_handles_labels()
    if 1 < len(labels) <= 12:
        axes.legend(handles, labels, fontsize=7, frameon=False)


def _short(text: str) -> str:
    """As it fits beside a figure; the numbers have it whole."""
    plain = unescape(text)
    return plain if len(plain) <= LONGEST else f"{plain[: LONGEST - 1]}…"


def _errors(error: JSON | None) -> list[list[float]] | None:
    if error is None:
        return None
    return [[max(0.0, each or 0.0) for each in error[side]] for side in ("arrayminus", "array")]


def _numbers(values: list[Any]) -> list[float]:
    return [math.nan if value is None else float(value) for value in values]
