"""The settings of a study, as cells: runs that differ in nothing but their seed."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from epochwise.record import JSON, Record, flat

SIZE, EPOCHS, SEED = "data.size", "train.epochs", "train.seed"
RANK, RATE = "peft.r", "train.learning_rate"
OWNERS = {"evaluate.general": "model.name"}  # `auto` is told apart by the model
WORDS = {SIZE: "rows", EPOCHS: "epochs", RANK: "rank", "model.name": "model"}


@dataclass(frozen=True)
class Cell:
    settings: JSON
    """Dotted config key -> value: the keys that tell this study's cells apart."""
    records: tuple[Record, ...]
    """One for each seed."""

    @property
    def size(self) -> int:
        return int(self.settings[SIZE])

    @property
    def epochs(self) -> int:
        return int(self.settings[EPOCHS])

    @property
    def rate(self) -> float | None:
        """The learning rate; None where the runs do not say it."""
        rate = flat(self.records[0].settings).get(RATE)
        return None if rate is None else float(rate)

    @property
    def loss(self) -> float:
        """The last validation loss, in nats per token, averaged over seeds."""
        return sum(record.curve[-1].val for record in self.records) / len(self.records)

    @property
    def cost(self) -> tuple[int, int, int]:
        """What is dear first: rows passed, then rank, then weights trained."""
        record = self.records[0]
        return self.epochs * self.size, record.rank or 0, record.summary.trainable_parameters

    @property
    def words(self) -> str:
        """Its settings, for a sentence: `4 epochs, 128 rows, rank 8`."""
        named = [key for key in self.settings if key not in (SIZE, EPOCHS)]
        counts = [count(self.epochs, "epoch"), count(self.size, "row")]
        return ", ".join(counts + [f"{word(key)} {self.settings[key]}" for key in named])

    def without(self, *keys: str) -> str:
        """Equal for two cells that differ at most in `keys`."""
        rest = {key: value for key, value in self.settings.items() if key not in keys}
        return json.dumps(rest, sort_keys=True)


def cells(records: Sequence[Record]) -> list[Cell]:
    """The records grouped by all their settings but the seed, in the order of the records."""
    settings_of = [flat(record.settings) for record in records]
    axes = differing(settings_of)
    grouped: dict[str, list[Record]] = {}
    for record, settings in zip(records, settings_of, strict=True):
        grouped.setdefault(json.dumps([settings.get(key) for key in axes]), []).append(record)
    return [
        Cell(dict(zip(axes, json.loads(values), strict=True)), tuple(members))
        for values, members in grouped.items()
    ]


def word(key: str) -> str:
    return WORDS.get(key, key.removeprefix("column."))  # of a table of other origin


def count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def differing(runs: Sequence[dict[str, Any]]) -> list[str]:
    """Keys that differ, and always size and epochs; not what a group's name already says."""
    keys = dict.fromkeys(key for settings in runs for key in settings)
    differ = [key for key in keys if key != SEED and len(_values(runs, key)) > 1]
    said = {key for key in differ if _follows_from_name(runs, key, differ)}
    return list(dict.fromkeys([SIZE, EPOCHS, *(key for key in differ if key not in said)]))


def _follows_from_name(runs: Sequence[dict[str, Any]], key: str, differ: Sequence[str]) -> bool:
    name = OWNERS.get(key, key.split(".")[0] + ".name")
    if key == name or name not in differ:
        return False
    pairs = {json.dumps([settings.get(name), settings.get(key)]) for settings in runs}
    return len(pairs) == len(_values(runs, name))


def _values(runs: Sequence[dict[str, Any]], key: str) -> set[str]:
    return {json.dumps(settings.get(key)) for settings in runs}
