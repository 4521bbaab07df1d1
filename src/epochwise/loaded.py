"""Studies in Python: `ew.load("multirun/...")` in a script or a notebook."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from epochwise.diagnose.finding import Finding, study_finding
from epochwise.record import Record, Study, finished
from epochwise.report.chart import Chart, Charts
from epochwise.report.language import words
from epochwise.report.page import drawn_from
from epochwise.report.panels import side_by_side
from epochwise.report.study_folder import checked
from epochwise.report.table import results

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go


@dataclass(frozen=True)
class LoadedStudy:
    """A study's folder, read when it is asked for."""

    folder: Path

    @cached_property
    def study(self) -> Study:
        """What was asked: question, command, axes, planned runs."""
        return Study.load(self.folder)

    @cached_property
    def records(self) -> list[Record]:
        """The finished runs, in the study's order, each with its whole curve."""
        return finished(self.folder)

    @cached_property
    def finding(self) -> Finding:
        """The recommendation, with its confidence; found anew from the losses per row."""
        return study_finding(self.folder)

    @property
    def results(self) -> "pd.DataFrame":
        """The rows of results.csv: a run each, losses in nats per response token."""
        import pandas as pd

        return pd.DataFrame(results(self.records))

    @property
    def curves(self) -> "pd.DataFrame":
        """A row for each run and epoch: id, size, epoch, val, probe."""
        import pandas as pd

        return pd.DataFrame(
            [
                {"id": record.id, "size": record.settings["data"]["size"]} | point._asdict()
                for record in self.records
                for point in record.curve
            ]
        )

    @property
    def figures(self) -> tuple[str, ...]:
        """The names that `figure` knows: a whole part, `curves`, or one panel of it, `curve-0`."""
        drawn = self._drawn
        return () if drawn is None else (*drawn.parts, *(chart.name for chart in drawn.every))

    def figure(self, name: str, language: str = "en") -> "go.Figure":
        """One of the report's figures, to show or to change.

        Raises:
            ValueError: The study has no figure of that name.
        """
        import plotly.graph_objects as go

        drawn = self._drawn if language == "en" else drawn_from(self.folder, words(language))
        if drawn is not None and name in drawn.parts:
            return side_by_side(drawn.parts[name])
        return go.Figure(self._chart(name, drawn).figure)

    def numbers(self, name: str) -> "pd.DataFrame":
        """The numbers of one panel, as figures/NAME.csv has them.

        Raises:
            ValueError: The study has no figure of that name.
        """
        import pandas as pd

        sheet = self._chart(name, self._drawn).sheet
        return pd.DataFrame(list(sheet.rows), columns=list(sheet.columns))

    def _chart(self, name: str, drawn: Charts | None) -> Chart:
        charts = [] if drawn is None else drawn.every
        for chart in charts:
            if chart.name == name:
                return chart
        known = ", ".join(self.figures) or "none, as no run has finished"
        raise ValueError(f"{name}: {self.folder} has no such figure (there are {known})")

    @cached_property
    def _drawn(self) -> Charts | None:
        return drawn_from(self.folder, words())


def load(folder: str | Path) -> LoadedStudy:
    """The study that a sweep left in `folder`, multirun/NAME/STAMP.

    Raises:
        ValueError: No study is there.
    """
    return LoadedStudy(checked(Path(folder)))
