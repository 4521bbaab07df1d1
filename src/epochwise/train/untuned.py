"""The losses of the untuned base model: measured once for each model and set of rows."""

import hashlib
import json
import os
from pathlib import Path

import numpy as np

from epochwise.data.module import Measured
from epochwise.data.tokens import Example
from epochwise.model.module import FineTuner
from epochwise.train.measure import Curve, Table, measured
from epochwise.train.provenance import hardware
from epochwise.train.trunk import Surroundings

START = {"step": 0, "tokens": 0}


class Untuned:
    """What is known of a base model's losses, kept in the study's folder for all its trunks."""

    def __init__(self, tuner: FineTuner, kept: Path, around: Surroundings) -> None:
        """`tuner`: the base model, with nothing added."""
        self.tuner = tuner
        self.kept = kept
        self.around = around

    def curves(self) -> dict[int, Curve]:
        """Epoch 0 of the runs of each size."""
        return {size: self._curve(size) for size in self.around.data}

    def _curve(self, size: int) -> Curve:
        tables = [self._table(split) for split in self.around.splits(size)]
        curve = Curve()
        curve.add(tables, self.around.data[size], START)
        return curve

    def _table(self, split: Measured) -> Table:
        path = self.kept / f"{self._key(split)}.npy"
        ranks = self.tuner.ranks
        if ranks.first(path.is_file()):
            known: Table = np.load(path, allow_pickle=False)
            return known
        (table,) = measured(self.tuner, [split], self.around.watch)
        if not ranks.is_first:
            return table
        self.kept.mkdir(exist_ok=True)
        partial = path.with_suffix(f".{os.getpid()}.partial")
        with partial.open("wb") as file:
            np.save(file, table, allow_pickle=False)
        partial.replace(path)
        return table

    def _key(self, split: Measured) -> str:
        """Equal where every number must be: the same rows, weights, arithmetic and machine."""
        model = self.tuner.experiment.model.model_dump(include={"weights", "template", "thinking"})
        facts = [
            dict(self.around.made_with),
            model,
            hardware(),
            split.batch_size,
            split.temperatures,
        ]
        digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode())
        for example in split.examples:
            digest.update(_bytes(example))
        return digest.hexdigest()[:16]


def _bytes(example: Example) -> bytes:
    return example.ids.tobytes() + example.scored.tobytes()
