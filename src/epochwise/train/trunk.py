"""A training that several runs share: followed to the end of each, kept on the way, resumed."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from epochwise.config import WHOLE_MODEL, Experiment, TrainerConfig
from epochwise.data.module import Measured, Trained
from epochwise.data.order import steps_per_epoch
from epochwise.data.prepare import Prepared
from epochwise.model.module import Taken
from epochwise.record import Tick
from epochwise.train import checkpoint
from epochwise.train.board import Board
from epochwise.train.checkpoint import Saved
from epochwise.train.measure import TEMPERATURES, measured
from epochwise.train.schedule import schedule
from epochwise.train.state import State
from epochwise.train.stop import Stopped
from epochwise.train.trainer import Telling, Watch, build_trainer
from epochwise.train.trajectory import Stretch


@dataclass(frozen=True)
class Surroundings:
    """What a trunk needs beside its own state."""

    runs: Mapping[str, Experiment]
    data: Mapping[int, Prepared]
    """Size in rows -> the rows of that size."""
    pad_id: int
    trunks: Path
    """The folder of all trunks' folders: a state that another has kept may be taken up too."""
    name: str
    """Of this trunk's own."""
    made_with: Mapping[str, str]
    """Code, packages and weights: a state that others have made would not go on as it began."""
    config: TrainerConfig
    watch: Watch
    on_step: Callable[[Tick], None]

    def splits(self, size: int) -> list[Measured]:
        """What the runs of one size are measured on: validation, probe, general, canaries."""
        batch_size = next(iter(self.runs.values())).evaluate.batch_size
        rows, ranks = self.data[size], self.watch.ranks
        untempered = (rows.probe, rows.general, rows.canaries.examples)
        parts = [(rows.val, TEMPERATURES), *((part, ()) for part in untempered)]
        return [
            Measured(part, batch_size, self.pad_id, ranks.rank, ranks.size, temperatures)
            for part, temperatures in parts
            if part
        ]


class Trunk:
    """One state that walks the tree of all steps; where runs part, it goes back for the next."""

    def __init__(
        self, state: State, board: Board, tree: Stretch, surroundings: Surroundings
    ) -> None:
        self.state = state
        self.board = board
        self.tree = tree
        self.around = surroundings
        self.stretch = tree
        self.done = 0
        self.pending: list[str] = []
        """Trajectories of the states from which branches, or larger grids, still start."""
        self.kept = time.monotonic()

    def follow(self, stretch: Stretch) -> None:
        """Train all runs of `stretch` to their ends; the state stands where it begins."""
        self.stretch = stretch
        sizes = {self.around.runs[run].data.size for run in stretch.runs}
        self.state.curves = {size: self.state.curves[size] for size in sorted(sizes)}
        self._resume()
        while True:
            self._measure()
            self._leave()
            if self.state.step == stretch.last:
                break
            self._train_until(self._next_event())
        self._branch(stretch)

    def _branch(self, stretch: Stretch) -> None:
        if not stretch.branches:
            self._keep_end()
            return
        here = self._saved()
        self.pending.append(here.trajectory)
        self._keep(here)
        for number, branch in enumerate(stretch.branches, 1):
            if number > 1:
                self.state.restore(here)
            if number == len(stretch.branches):
                self.pending.remove(here.trajectory)
            self.follow(branch)

    def _resume(self) -> None:
        """Go on from the deepest state on this stretch that an earlier attempt has kept.

        No exit may be passed over: the runs on board have not left yet. Whoever kept it may have
        had other sizes on board: until their first epoch ends, all have had the same steps.
        """
        limit = min(self.stretch.last, *(path.steps for path in self.stretch.runs.values()))
        path = self.stretch.runs[self.stretch.leader]
        lengths = list(self._epochs().values())
        ahead = {step: path.at(step) for step in range(self.state.step + 1, limit + 1)}
        found = self._found(ahead)
        step = self.around.watch.ranks.first(found.step if found else 0)
        if step and not (found and found.step == step):
            found = self._found({step: ahead[step]})
        if not step or found is None:
            return
        print(f"resumed after step {found.step}", flush=True)
        self.done += found.step - self.state.step
        here, begun = self.state.curves, self.state.step
        self.state.restore(found)
        kept = self.state.curves
        any_size = next(iter(kept.values()))
        self.state.curves = {
            size: kept[size] if size in kept else curve.carried_on(any_size, begun, length)
            for (size, curve), length in zip(here.items(), lengths, strict=True)
        }

    def _found(self, ahead: Mapping[int, str]) -> Saved | None:
        """The deepest kept state among these, whichever trunk has kept it."""
        kept = [
            found
            for folder in sorted(self.around.trunks.glob("*/checkpoints"))
            if (found := checkpoint.latest(folder, ahead, note=print))
        ]
        deepest = max(kept, key=lambda saved: saved.step, default=None)
        if deepest is None or deepest.counters["made_with"] == self.around.made_with:
            return deepest
        print(f"the state kept after step {deepest.step} was made with other code, packages or")
        print("weights, and is not used: training starts again")
        return None

    def _train_until(self, last: int) -> None:
        around, tuner = self.around, self.state.tuner
        run = around.runs[self.stretch.leader]
        path = self.stretch.runs[self.stretch.leader]
        tuner.share = schedule(run.train, path.steps)
        rows = around.data[run.data.size].train
        steps = Trained(rows, run.train, self.state.step + 1, last, around.pad_id)
        build_trainer(run.model.weights, Telling(self._taken), around.watch).fit(tuner, steps)

    def _next_event(self) -> int:
        """The next step after which a size is measured, or runs part."""
        ends = [(self.state.step // length + 1) * length for length in self._epochs().values()]
        return min(self.stretch.last, *ends)

    def _epochs(self) -> dict[int, int]:
        """Size -> optimizer steps of its epoch, for the sizes on board."""
        batch_size = self.around.runs[self.stretch.leader].train.batch_size
        return {size: steps_per_epoch(size, batch_size) for size in self.state.curves}

    def _on_board(self) -> list[str]:
        return [run for run, path in self.stretch.runs.items() if path.steps >= self.state.step]

    def _taken(self, taken: Taken) -> None:
        state = self.state
        state.step = taken.step
        state.tokens += taken.tokens
        for size, length in self._epochs().items():
            place = {"epoch": taken.step / length, "tokens": state.tokens}
            state.curves[size].note({"kind": "step"} | taken._asdict() | place)
            for incident in state.tuner.incidents:
                state.curves[size].note(incident)
        state.tuner.incidents.clear()
        self.done += 1
        val = next(iter(state.curves.values())).points[-1].val
        self.around.on_step(Tick(self.done, self.tree.steps, taken.loss, val))
        stops, due = self._agreed(
            self.around.watch.stop.asked(),
            time.monotonic() - self.kept >= self.around.config.checkpoint_seconds,
        )
        if stops or due:
            self._keep(self._saved())
        if stops:
            raise Stopped
        self.board.write_if_due(self._on_board(), state.curves)

    def _agreed(self, stops: bool, due: bool) -> tuple[bool, bool]:
        """What the first rank makes of it: clocks and signals differ between processes."""
        both = self.around.watch.ranks.first(2 * stops + due)
        return both >= 2, both % 2 == 1

    def _measure(self) -> None:
        """A point for each size whose epoch ends here, unless it was measured before a stop."""
        state = self.state
        for size, length in self._epochs().items():
            epoch, rest = divmod(state.step, length)
            curve = state.curves[size]
            if rest or epoch < len(curve.points):
                continue
            try:
                tables = measured(state.tuner, self.around.splits(size), self.around.watch)
            except Stopped:
                self._keep(self._saved())
                raise
            curve.add(tables, self.around.data[size], state.place)

    def _leave(self) -> None:
        self.board.write(self._on_board(), self.state.curves)
        for run, path in self.stretch.runs.items():
            if path.steps == self.state.step:
                size = self.around.runs[run].data.size
                self.board.leave(run, self.state, self.around.data[size])

    def _keep_end(self) -> None:
        """A larger grid goes on from here, unless the state is a whole model three times over."""
        run = self.around.runs[self.stretch.leader]
        if run.peft.peft_type not in WHOLE_MODEL and run.train.schedule == "constant":
            here = self._saved()
            self.pending.append(here.trajectory)
            self._keep(here)

    def _saved(self) -> Saved:
        saved = self.state.saved(self.stretch.runs[self.stretch.leader].at(self.state.step))
        return saved._replace(counters=saved.counters | {"made_with": dict(self.around.made_with)})

    def _keep(self, saved: Saved) -> None:
        """On disk; the journals first, as they must never lack a step that is not taken again."""
        self.board.write(self._on_board(), self.state.curves)
        folder = self.around.trunks / self.around.name / "checkpoints"
        if self.around.watch.ranks.is_first:
            checkpoint.save(folder, saved, keep=self.pending)
        self.kept = time.monotonic()
