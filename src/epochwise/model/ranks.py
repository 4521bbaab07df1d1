"""Processes that train one run together: each takes a part of every step's rows.

Their gradients are summed once a step, so a run on several devices is the run on one, up to the
order of additions. What is decided by a clock, a disk or a signal is decided by the first.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch
import torch.distributed as dist
from torch import Tensor

HOST = "127.0.0.1"


class Ranks(NamedTuple):
    """The place of this process among those that train together."""

    rank: int
    size: int

    @property
    def device(self) -> torch.device:
        """Each rank has its own accelerator, where there are any."""
        return torch.device("cuda", self.rank) if torch.cuda.is_available() else torch.device("cpu")

    @property
    def is_first(self) -> bool:
        return self.rank == 0

    def sum(self, *tensors: Tensor) -> None:
        """Put the sum over all ranks in place of each tensor; all of them travel as one."""
        if self.size == 1:
            return
        flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
        dist.all_reduce(flat)
        parts = flat.split([tensor.numel() for tensor in tensors])
        for tensor, part in zip(tensors, parts, strict=True):
            tensor.copy_(part.view_as(tensor))

    def first(self, value: int) -> int:
        """What the first rank gives here."""
        if self.size == 1:
            return value
        told = torch.tensor([value if self.is_first else 0], device=self.device)
        dist.broadcast(told, src=0)
        return int(told.item())


ALONE = Ranks(0, 1)


@contextmanager
def joined(ranks: Ranks, port: int) -> Iterator[None]:
    """While inside, the ranks can hear each other: over the loopback address of one machine."""
    backend = "nccl" if torch.cuda.is_available() else "gloo"
    dist.init_process_group(
        backend,
        init_method=f"tcp://{HOST}:{port}",
        rank=ranks.rank,
        world_size=ranks.size,
    )
    try:
        yield
    finally:
        dist.destroy_process_group()
