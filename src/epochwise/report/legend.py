"""What the arms look like in every figure, and by which buttons they are shown and hidden."""

from collections.abc import Sequence
from typing import NamedTuple

from epochwise.diagnose.cells import EPOCHS, SIZE
from epochwise.record import JSON
from epochwise.report.arm import Arm
from epochwise.report.language import Words


class Choice(NamedTuple):
    """A button: one value of an axis."""

    number: int
    value: str


class Axis(NamedTuple):
    key: str
    choices: tuple[Choice, ...]


class Legend(NamedTuple):
    arms: tuple[Arm, ...]
    axes: tuple[Axis, ...]
    words: Words

    @property
    def labels(self) -> list[str]:
        return [arm.label for arm in self.arms]

    def number(self, label: str) -> int:
        return self.labels.index(label)

    def choices(self, label: str | None = None, size: int | None = None) -> list[int]:
        """The numbers of the buttons that all have to be on for it to be seen."""
        settings: JSON = {} if label is None else self.arms[self.number(label)].cells[0].settings
        own = {key: value for key, value in settings.items() if key != SIZE}
        return self.of(own if size is None else own | {SIZE: size})

    def of(self, settings: JSON) -> list[int]:
        """The same for a run's settings, by dotted key."""
        return [
            choice.number
            for axis in self.axes
            for choice in axis.choices
            if axis.key in settings and str(settings[axis.key]) == choice.value
        ]


def legend(arms: Sequence[Arm], words: Words) -> Legend:
    """Axes of a single value have no button, nor have epochs: every curve has many."""
    values: dict[str, dict[str, None]] = {}
    for cell in (cell for arm in arms for cell in arm.cells):
        for key, value in cell.settings.items():
            if key != EPOCHS:
                values.setdefault(key, {})[str(value)] = None
    axes, number = [], 0
    for key, found in values.items():
        if len(found) > 1:
            axes.append(Axis(key, tuple(Choice(number + i, each) for i, each in enumerate(found))))
            number += len(found)
    return Legend(tuple(arms), tuple(axes), words)
