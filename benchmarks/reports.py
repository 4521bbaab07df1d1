"""How long a study's report takes, how large it is, and the memory for it.

    python benchmarks/reports.py [RUNS ...]

Beside it the same figures by plotly alone: one page each by `write_html`, nothing else on it.
"""

import resource
import sys
import tempfile
import time
from itertools import product
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from report import simulate

from epochwise.diagnose.finding import study_finding
from epochwise.record import Record
from epochwise.report.language import words
from epochwise.report.page import drawn_from, write

SIZES, EPOCHS, RANKS = (32, 64, 128, 256, 512), (1, 2, 4, 8, 16), (2, 4, 8, 16)


def records(runs: int) -> list[Record]:
    """A grid of 100 cells, and as many seeds of it as are needed."""
    seeds = range(-(-runs // 100))
    cells = product(seeds, RANKS, SIZES, EPOCHS)
    return [simulate.record(size, epochs, rank, seed) for seed, rank, size, epochs in cells][:runs]


def measure(runs: int, folder: Path) -> None:
    simulate.leave(folder, records(runs), finding=study_finding)
    start = time.perf_counter()
    page = write(folder)
    seconds = time.perf_counter() - start
    start = time.perf_counter()
    size = _plotly_alone(folder)
    alone = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(
        f"{runs} runs: {seconds:.1f} s, {page.stat().st_size / 1e6:.1f} MB, peak {peak:.2f} GiB;"
        f" plotly alone {alone:.1f} s, {size / 1e6:.1f} MB: ratio {seconds / alone:.2f} of the"
        f" time, {page.stat().st_size / size:.2f} of the size"
    )


def _plotly_alone(folder: Path) -> int:
    import plotly.graph_objects as go

    drawn = drawn_from(folder, words("en"))
    assert drawn is not None
    for chart in drawn.every:
        go.Figure(chart.figure).write_html(folder / f"{chart.name}.html")
    return sum(path.stat().st_size for path in folder.glob("*-?.html"))


if __name__ == "__main__":
    for runs in [int(text) for text in sys.argv[1:]] or [30, 100, 1000]:
        with tempfile.TemporaryDirectory() as folder:
            measure(runs, Path(folder))
