"""What Lightning reads: steps to train on, or a split to measure."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import torch

from epochwise.config import TrainConfig
from epochwise.data.batch import Batch, Step, batches, steps
from epochwise.data.order import steps_per_epoch
from epochwise.data.tokens import Example

NOBODY = -1  # the position of a row that is measured for company only


@dataclass(frozen=True)
class Trained:
    """Optimizer steps `first` to `last` of a training, each made when it is asked for."""

    examples: list[Example]
    config: TrainConfig
    first: int
    last: int
    pad_id: int

    def __len__(self) -> int:
        return self.last - self.first + 1

    def __iter__(self) -> Iterator[Step]:
        return steps(
            self.examples,
            seed=self.config.seed,
            batch_size=self.config.batch_size,
            first=self.first,
            last=self.last,
            pad_id=self.pad_id,
        )


@dataclass(frozen=True)
class Measured:
    """Every row of a split once, in batches of rows of like length."""

    examples: list[Example]
    batch_size: int
    pad_id: int
    rank: int = 0
    ranks: int = 1
    """Every `ranks`-th batch is measured here, from `rank` on."""
    temperatures: tuple[float, ...] = ()
    """At which each row's loss is measured once more."""

    def __len__(self) -> int:
        """The same on every rank: a model that is cut over them takes all its passes together."""
        return -(-steps_per_epoch(len(self.examples), self.batch_size) // self.ranks)

    def __iter__(self) -> Iterator[Batch]:
        every = batches(self.examples, batch_size=self.batch_size, pad_id=self.pad_id)
        mine = list(islice(every, self.rank, None, self.ranks)) if self.ranks > 1 else every
        yield from mine
        if isinstance(mine, list) and len(mine) < len(self):
            first = next(batches(self.examples, batch_size=self.batch_size, pad_id=self.pad_id))
            yield first._replace(row=torch.full_like(first.row, NOBODY))
