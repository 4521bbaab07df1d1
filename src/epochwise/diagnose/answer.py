"""A finding in plain words."""

from collections.abc import Sequence
from typing import NamedTuple

from epochwise.diagnose.cells import EPOCHS, SIZE, Cell, count, word
from epochwise.diagnose.regret import LOSS_SHARE, Regret
from epochwise.diagnose.symptom import RISE
from epochwise.record import Record

PER_TOKEN = "nats per response token"
PER_ANSWER = "nats per answer"
NOTHING = "No finished run can be compared yet, so nothing is recommended."
SEEDS = 3  # the fewest that give a spread worth a name


class Course(NamedTuple):
    """Where the validation loss goes with more epochs, all else equal."""

    cell: Cell
    """The one of the lowest loss."""
    points: tuple[tuple[int, float], ...]
    """Epochs and loss; of the cells where several lengths were run, else of the one curve."""

    @property
    def best(self) -> tuple[int, float]:
        return min(self.points, key=lambda point: point[1])

    @property
    def place(self) -> str:
        """What the course belongs to: `With 32 rows (rank 8)`."""
        named = [key for key in self.cell.settings if key not in (SIZE, EPOCHS)]
        rest = ", ".join(f"{word(key)} {self.cell.settings[key]}" for key in named)
        return f"With {count(self.cell.size, 'row')}" + (f" ({rest})" if rest else "")


class Answer(NamedTuple):
    grid: Sequence[Cell]
    measured: Regret
    named: int
    """The recommended cell."""
    sure: bool
    equals: Sequence[int]

    @property
    def unit(self) -> str:
        return PER_TOKEN if self.measured.per_token else PER_ANSWER

    def headline(self) -> str:
        cell, loss = self.grid[self.named], self.measured.loss[self.named]
        margin = f"{self.measured.eps:.3f} of the best of {count(len(self.grid), 'setting')}"
        p = self.measured.p_regret[self.named]
        if len(self.grid) == 1:
            return f"One setting was run: {cell.words}; validation loss {loss:.3f} {self.unit}."
        if not self.sure:
            others = "; ".join(self.grid[i].words for i in self.equals)
            return (
                f"No setting is sure to be best. Begin with {cell.words}: validation loss "
                f"{loss:.3f} {self.unit}, within {margin} with probability {p:.2f}. This "
                f"study cannot part it from {len(self.equals)} other"
                f"{'' if len(self.equals) == 1 else 's'}: {others}."
            )
        others = f"; {len(self.equals)} dearer are as good" if self.equals else ""
        return (
            f"Use {cell.words}: validation loss {loss:.3f} {self.unit}, within {margin} with "
            f"probability {p:.2f}, and the cheapest of which that can be said{others}."
        )

    def axes(self) -> tuple[str, ...]:
        """Where the best value of a swept number lies at the edge of what was tried, or nowhere."""
        keys = [key for key in self.grid[0].settings if key != EPOCHS]
        sentences = [self._axis(key) for key in keys]
        return tuple(sentence for sentence in sentences if sentence)

    def _axis(self, key: str) -> str:
        """Each value is judged by the best cell that has it."""
        lowest: dict[int | float, float] = {}
        for cell, loss in zip(self.grid, self.measured.loss, strict=True):
            value = cell.settings[key]
            if not isinstance(value, int | float) or isinstance(value, bool):
                return ""
            lowest[value] = min(float(loss), lowest.get(value, float(loss)))
        tried = sorted(lowest)
        if len(tried) < 2:
            return ""
        best = min(tried, key=lambda value: lowest[value])
        if max(lowest.values()) - lowest[best] <= self.measured.eps:
            return (
                f"Between {word(key)} {tried[0]:,} and {tried[-1]:,} the best losses differ by no "
                f"more than {self.measured.eps:.3f}: it makes no difference here."
            )
        if best not in (tried[0], tried[-1]):
            return ""
        end, way = ("highest", "higher") if best == tried[-1] else ("lowest", "lower")
        return (
            f"The lowest loss has the {end} {word(key)} tried, {best:,}: the best may lie {way}, "
            f"try {_further(best, best == tried[-1])}."
        )

    def would_change(self) -> tuple[str, ...]:
        """What more would settle or overturn the recommendation."""
        most = max(len(cell.records) for cell in self.grid)
        changes = []
        if most == 1:
            changes.append(
                "Each setting was run with one seed: what another seed changes is not in these "
                f"losses; a standard deviation of {self.measured.seed_spread:.4f} is assumed in "
                f"the probabilities. {SEEDS} values of train.seed would measure it."
            )
        if not self.sure:
            changes.append(
                f"{len(self.equals) + 1} settings are too close to call: more validation rows "
                "(data.val_size) or seeds for these would part them."
            )
        edge = [course for course in all_courses(self.grid) if _at_longest(course)]
        if edge:
            longest = max(course.points[-1][0] for course in edge)
            changes.append(f"Longer runs: train.epochs={2 * longest} where the loss still falls.")
        changes.append(
            "The recommended loss was chosen as low on these rows, so on new ones it will be "
            "slightly higher: quote it from rows that took no part in the choice."
        )
        return tuple(changes)


def courses(grid: Sequence[Cell]) -> tuple[str, ...]:
    """For each data size where the loss is lowest and whether it then rises; how that moves."""
    every = all_courses(grid)
    return (*(_course(course) for course in every), *_moves(every))


def all_courses(grid: Sequence[Cell]) -> list[Course]:
    """One for each size, model and method: the one that reaches the lowest loss there."""
    lines: dict[str, list[Cell]] = {}
    for cell in grid:
        lines.setdefault(cell.without(EPOCHS), []).append(cell)
    best: dict[str, Course] = {}
    for line in lines.values():
        course = _line(line)
        place = _place(course.cell)
        if place not in best or course.best[1] < best[place].best[1]:
            best[place] = course
    return sorted(best.values(), key=lambda course: (_arm(course.cell), course.cell.size))


def _line(line: Sequence[Cell]) -> Course:
    lowest = min(line, key=lambda cell: cell.loss)
    if len(line) > 1:
        return Course(lowest, tuple(sorted((cell.epochs, cell.loss) for cell in line)))
    curve = [point for point in lowest.records[0].curve if point.epoch > 0]
    return Course(lowest, tuple((point.epoch, point.val) for point in curve))


def _place(cell: Cell) -> str:
    return f"{_arm(cell)} {cell.size}"


def _arm(cell: Cell) -> str:
    """Model and method: of each other kind of setting only the best is told."""
    return _names(cell.records[0])


def _names(record: Record) -> str:
    return f"{record.settings['model']['name']} {record.settings['peft']['name']}"


def _course(course: Course) -> str:
    (epochs, loss), (last, end) = course.best, course.points[-1]
    if len(course.points) == 1:
        return f"{course.place} the validation loss after {count(epochs, 'epoch')} is {loss:.3f}."
    if epochs == last:
        return (
            f"{course.place} the validation loss is lowest ({loss:.3f}) after the most epochs "
            f"tried, {last}: the best may lie beyond, try {2 * last}."
        )
    worse = end / loss - 1
    meaning = "about the same" if worse < LOSS_SHARE else "too little to count as overfitting"
    tail = f": {'more epochs make it worse' if worse >= RISE else meaning}."
    return (
        f"{course.place} the validation loss is lowest after {count(epochs, 'epoch')} "
        f"({loss:.3f}) and {worse:.1%} higher after {last}{tail}"
    )


def _at_longest(course: Course) -> bool:
    return course.best[0] == course.points[-1][0]


def _moves(every: Sequence[Course]) -> list[str]:
    """How the best number of epochs goes with the data, for each model and method."""
    arms = list(dict.fromkeys(_arm(course.cell) for course in every))
    sentences = []
    for arm in arms:
        sizes = [course for course in every if _arm(course.cell) == arm]
        if len(sizes) > 1:
            sentences.append(_move(sizes, f" for {arm}" if len(arms) > 1 else ""))
    return sentences


def _move(sizes: Sequence[Course], whom: str) -> str:
    bests = [course.best[0] for course in sizes]
    steps = ", ".join(
        f"{course.best[0]}{' or more' if _at_longest(course) else ''} at {course.cell.size:,}"
        for course in sizes
    )
    match all(a <= b for a, b in zip(bests, bests[1:], strict=False)), bests[0] == bests[-1]:
        case True, False:
            trend = "More data moves the best number of epochs up"
        case True, True:
            trend = "The best number of epochs does not move with the data"
        case _ if all(a >= b for a, b in zip(bests, bests[1:], strict=False)):
            trend = "More data moves the best number of epochs down"
        case _:
            trend = "The best number of epochs goes up and down with the data"
    return f"{trend}{whom}: {steps} rows."


def chance(runs: Sequence[str], records: Sequence[Record]) -> tuple[str, ...]:
    """Which verdicts one of many tests may have brought about by chance."""
    if not runs:
        return ()
    names = ", ".join(record.label for record in records if record.id in runs)
    return (
        f"Among {count(len(records), 'verdict')} some come by chance. At a false discovery rate "
        f"of 10% {'this does' if len(runs) == 1 else 'these do'} not stand: {names}.",
    )


def left_out(records: int, measured: int, compared: int) -> tuple[str, ...]:
    """Which finished runs the recommendation does not see, and why."""
    sentences = []
    if measured < records:
        sentences.append(
            f"{count(records - measured, 'run')} ended with a loss that is not a number."
        )
    if compared < measured:
        sentences.append(
            f"{count(measured - compared, 'run')} measured on other validation rows, or without "
            "losses per row, could not be compared."
        )
    return tuple(sentences)


def _further(value: int | float, up: bool) -> str:
    beyond = value * 2 if up else value / 2
    return f"{beyond:,g}" if beyond >= 1 or isinstance(value, float) else "a lower one"
