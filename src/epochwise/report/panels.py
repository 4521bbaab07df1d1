"""Panels of one kind as one figure, for notebooks."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from epochwise.report.chart import Chart

if TYPE_CHECKING:
    import plotly.graph_objects as go


def side_by_side(charts: Sequence[Chart]) -> "go.Figure":
    """All panels in a row, each under its title."""
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    titles = [chart.title for chart in charts]
    whole = make_subplots(rows=1, cols=len(charts), subplot_titles=titles)
    for column, chart in enumerate(charts, start=1):
        panel = go.Figure(chart.figure)
        for trace in panel.data:
            whole.add_trace(trace, row=1, col=column)
        for shape in panel.layout.shapes:
            whole.add_shape(shape, row=1, col=column)
        whole.update_xaxes(_own(panel.layout.xaxis), row=1, col=column)
        whole.update_yaxes(_own(panel.layout.yaxis), row=1, col=column)
    layouts = [chart.figure["layout"] for chart in charts]
    named = any(layout["showlegend"] for layout in layouts)
    return whole.update_layout(height=layouts[0]["height"], showlegend=named)


def _own(axis: "go.layout.XAxis | go.layout.YAxis") -> dict[str, object]:
    return {key: value for key, value in axis.to_plotly_json().items() if value is not None}
