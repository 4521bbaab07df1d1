"""A figure's numbers as a table: on the page one click away, and in figures/NAME.csv."""

import csv
from pathlib import Path
from typing import Any, NamedTuple

from epochwise.report.table import cell


class Sheet(NamedTuple):
    columns: tuple[str, ...]
    """Names that the catalogues know as `column.NAME`."""
    rows: tuple[tuple[Any, ...], ...]
    """None where there is no number, NaN where it was not finite."""

    def save(self, path: Path) -> None:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(self.columns)
            writer.writerows([cell(value) for value in row] for row in self.rows)
