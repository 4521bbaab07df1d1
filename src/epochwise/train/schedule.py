"""Optimizer step -> share of the peak learning rate."""

import math
from collections.abc import Callable

from epochwise.config import Schedule


def schedule(kind: Schedule, *, warmup: int, total: int) -> Callable[[int], float]:
    """The share of the peak at each step from 1 to `total`; it rises linearly over `warmup` steps.

    A constant schedule never looks at `total`: runs of different length take the same steps,
    which is what lets them share a trunk. Cosine and linear fall to zero after the last step.

    >>> share = schedule("linear", warmup=2, total=6)
    >>> [share(step) for step in (1, 2, 3, 6)]
    [0.5, 1.0, 1.0, 0.25]
    """

    def share(step: int) -> float:
        if step < warmup:
            return step / warmup
        done = (step - 1 - warmup) / max(1, total - warmup) if step > warmup else 0.0
        match kind:
            case "constant":
                return 1.0
            case "cosine":
                return (1 + math.cos(math.pi * done)) / 2
            case "linear":
                return 1 - done

    return share
