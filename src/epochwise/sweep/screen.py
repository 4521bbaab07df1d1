"""What a person sees while a study runs: bars on a terminal, plain lines elsewhere."""

import sys
import time

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

from epochwise.record import Record, Tick
from epochwise.sweep.plan import Trunk
from epochwise.sweep.supervisor import Outcome

QUIET = 30.0  # seconds between two progress lines where there is no terminal: readable in a log


class Terminal:
    """Live bars on standard error: the study's, in optimizer steps, and one for each trunk."""

    def __init__(self, trunks: int) -> None:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[loss]}"),
            TimeRemainingColumn(),
        )
        self.progress = Progress(*columns, console=Console(stderr=True), transient=True)
        self.all = self.progress.add_task("trunks", total=trunks, loss="")
        self.bars: dict[str, TaskID] = {}

    def __enter__(self) -> "Terminal":
        self.progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.progress.stop()

    def started(self, trunk: Trunk) -> None:
        self.bars[trunk.id] = self.progress.add_task(trunk.label, total=None, loss="loading")

    def ticked(self, trunk: Trunk, tick: Tick) -> None:
        bar, loss = self.bars[trunk.id], f"loss {tick.loss:.3f}"
        self.progress.update(bar, completed=tick.step, total=tick.steps, loss=loss)

    def finished(self, record: Record) -> None:
        self.progress.print(told(record), highlight=False)

    def ended(self, outcome: Outcome) -> None:
        self.progress.remove_task(self.bars.pop(outcome.trunk.id))
        self.progress.advance(self.all)
        if outcome.problem:
            self.progress.print(failure(outcome), style="red", highlight=False, markup=False)


class Lines:
    """The same on any other standard error, one line each."""

    def __init__(self) -> None:
        self.last = time.monotonic()

    def __enter__(self) -> "Lines":
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is left open."""

    def started(self, trunk: Trunk) -> None:
        """The opening line has said it."""

    def ticked(self, trunk: Trunk, tick: Tick) -> None:
        now = time.monotonic()
        if now - self.last >= QUIET:
            say(f"{trunk.label}: step {tick.step} of {tick.steps}, loss {tick.loss:.3f}")
            self.last = now

    def finished(self, record: Record) -> None:
        say(told(record))

    def ended(self, outcome: Outcome) -> None:
        if outcome.problem:
            say(failure(outcome))


def screen(trunks: int) -> Terminal | Lines:
    return Terminal(trunks) if sys.stderr.isatty() else Lines()


def say(line: str) -> None:
    """Standard error: standard output is for results."""
    print(line, file=sys.stderr, flush=True)


def told(record: Record) -> str:
    """One line on a finished run.

    The loss is that of the adapter it left, the verdict that of the whole curve.
    """
    verdict = (record.verdict or {}).get("verdict", "not judged")
    return f"{record.label}: val loss {record.curve[-1].val:.3f}, {verdict}"


def failure(outcome: Outcome) -> str:
    runs = [run.label for run_id, run in outcome.trunk.runs.items() if run_id in outcome.undone]
    return f"failed: {', '.join(runs)}\n  {outcome.problem}"
