"""Where on an axis of epochs or steps the rows of a file lie."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from epochwise.diagnose.history.numeral import number

Row = Mapping[str, Any]
MOST_EPOCHS = 100_000


class Columns(NamedTuple):
    val: str | None
    train: str | None
    epoch: str | None
    step: str | None


class Axis(NamedTuple):
    name: str
    places: list[float | None]
    """One a row."""
    ends: Float[np.ndarray, " epochs"] | None


def axis_of(rows: Sequence[Row], found: Columns, *, progress: bool) -> Axis:
    """Epochs where the file has them, as a fraction within each; else steps; else the order."""
    steps = _places(rows, found.step)
    epochs = _places(rows, found.epoch)
    if epochs is not None:
        whole = all(place == round(place) for place in epochs)
        if progress or not whole:
            fine = _finer(epochs, steps)
            return Axis("epoch", list(fine), _whole(0.0, max(fine)))
        if steps is not None and len(set(epochs)) > 1:
            return _within(epochs, steps)
        if steps is None and _one_each(rows, found, epochs):
            done = 1.0 if min(epochs) == 0 else 0.0  # epoch 0 of a logger is the first one
            return Axis("epoch", [epoch + done for epoch in epochs], None)
    if steps is not None:
        return Axis("step", list(steps), None)
    return Axis("epoch", list(_order(rows, found)), None)


def _places(rows: Sequence[Row], name: str | None) -> list[float] | None:
    """The column's numbers; a missing one is that of the row before. None without finite ones."""
    if name is None:
        return None
    places: list[float] = []
    for row in rows:
        place = number(row.get(name))
        good = place is not None and abs(place) < 1e15
        places.append(place if good and place is not None else places[-1] if places else 0.0)
    return places if len(set(places)) > 1 or len(rows) == 1 else None


def _finer(epochs: Sequence[float], steps: Sequence[float] | None) -> Sequence[float]:
    """The epochs by their steps, where the file has rounded them until neighbours are one."""
    if steps is None or len(set(epochs)) >= len(set(steps)):
        return epochs
    length, last = max(zip(steps, epochs, strict=True))
    return [round(step / length * last, 6) for step in steps] if length > 0 else epochs


def _within(epochs: Sequence[float], steps: Sequence[float]) -> Axis:
    """Epochs that a logger counts from 0, as the number done: the last step of epoch 0 is 1.0."""
    last: dict[float, float] = {}
    for epoch, step in zip(epochs, steps, strict=True):
        last[epoch] = max(step, last.get(epoch, step))
    order = sorted(last)
    shift = 1.0 if order[0] == 0 else 0.0
    begins = {epoch: last[before] for before, epoch in zip(order, order[1:], strict=False)}
    begins[order[0]] = last[order[0]] - (last[order[1]] - last[order[0]])
    places: list[float | None] = []
    for epoch, step in zip(epochs, steps, strict=True):
        length = last[epoch] - begins[epoch]
        share = (step - begins[epoch]) / length if length > 0 else 1.0
        places.append(epoch + shift - 1 + min(1.0, max(0.0, share)))
    return Axis("epoch", places, _whole(order[0] + shift - 1, order[-1] + shift))


def _whole(first: float, last: float) -> Float[np.ndarray, " epochs"] | None:
    """The ends of all epochs; None where the numbers cannot be epochs."""
    return np.arange(first, np.ceil(last) + 1) if last - first < MOST_EPOCHS else None


def _one_each(rows: Sequence[Row], found: Columns, epochs: Sequence[float]) -> bool:
    """Whether no epoch has two values of one column, but for restarts, which go back."""
    for name in (found.val, found.train):
        told = [e for row, e in zip(rows, epochs, strict=True) if number(row.get(name or ""))]
        if any(one == other for one, other in zip(told, told[1:], strict=False)):
            return False
    return True


def _order(rows: Sequence[Row], found: Columns) -> list[float]:
    """1, 2, ... for each column by itself where they alternate, else for the rows."""
    both = [row for row in rows if found.val in row and found.train in row]
    if both or found.val is None or found.train is None:
        return [float(i) for i in range(1, len(rows) + 1)]
    total = sum(found.val in row for row in rows)
    each = max(1, sum(found.train in row for row in rows)) / max(1, total)
    places, done, inside = [], 0.0, 0.0
    for row in rows:
        if found.val in row:
            done, inside = done + 1, 0.0
            places.append(done)
        else:
            inside += 1
            places.append(done + min(1.0, inside / each))
    return places
