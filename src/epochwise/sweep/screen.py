"""What a person sees while a study runs: a live table on a terminal, plain lines elsewhere."""

import sys
import time
from collections.abc import Sequence

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
    """A line for the study and one for each trunk under way: steps, losses, time left."""

    def __init__(self, trunks: Sequence[Trunk]) -> None:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[told]}"),
            TimeRemainingColumn(),
        )
        self.progress = Progress(*columns, console=Console(stderr=True), transient=True)
        steps = sum(trunk.steps for trunk in trunks)
        self.all = self.progress.add_task("steps of all trunks", total=steps, told="")
        self.runs = sum(len(trunk.runs) for trunk in trunks)
        self.done = 0
        self.lines: dict[str, TaskID] = {}
        self.steps: dict[str, int] = {}

    def __enter__(self) -> "Terminal":
        self.progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.progress.stop()

    def started(self, trunk: Trunk) -> None:
        self.lines[trunk.id] = self.progress.add_task(
            trunk.label, total=trunk.steps, told="loading"
        )

    def ticked(self, trunk: Trunk, tick: Tick) -> None:
        self.progress.update(
            self.lines[trunk.id], completed=tick.step, total=tick.steps, told=losses(tick)
        )
        self._advance(trunk, tick.step)

    def finished(self, record: Record) -> None:
        self.done += 1
        self.progress.update(self.all, told=f"{self.done} of {self.runs} runs done")
        self.progress.print(told(record), highlight=False, markup=False)

    def ended(self, outcome: Outcome) -> None:
        self.progress.remove_task(self.lines.pop(outcome.trunk.id))
        if not outcome.undone:
            self._advance(outcome.trunk, outcome.trunk.steps)
        if outcome.problem:
            self.progress.print(failure(outcome), style="red", highlight=False, markup=False)

    def _advance(self, trunk: Trunk, steps: int) -> None:
        self.progress.advance(self.all, steps - self.steps.get(trunk.id, 0))
        self.steps[trunk.id] = steps


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
            say(f"{trunk.label}: step {tick.step} of {tick.steps}, {losses(tick)}")
            self.last = now

    def finished(self, record: Record) -> None:
        say(told(record))

    def ended(self, outcome: Outcome) -> None:
        if outcome.problem:
            say(failure(outcome))


def screen(trunks: Sequence[Trunk]) -> Terminal | Lines:
    return Terminal(trunks) if sys.stderr.isatty() else Lines()


def say(line: str) -> None:
    """Standard error: standard output is for results."""
    print(line, file=sys.stderr, flush=True)


def losses(tick: Tick) -> str:
    """The loss of the last step, and on validation rows as measured last."""
    parts = {"loss": tick.loss, "val": tick.val}
    return " ".join(f"{name} {loss:.3f}" for name, loss in parts.items() if loss is not None)


def told(record: Record) -> str:
    """One line on a finished run.

    The loss is that of the adapter it left, the verdict that of the whole curve.
    """
    verdict = (record.verdict or {}).get("verdict", "not judged")
    return f"{record.label}: val loss {record.curve[-1].val:.3f}, {verdict}"


def failure(outcome: Outcome) -> str:
    runs = [run.label for run_id, run in outcome.trunk.runs.items() if run_id in outcome.undone]
    return f"failed: {', '.join(runs)}\n  {outcome.problem}"
