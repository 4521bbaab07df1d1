"""Optimizer step -> share of the peak learning rate."""

import math
from collections.abc import Callable

from epochwise.config import TrainConfig

LOOKS_AT_THE_END = ("cosine", "linear")  # from the first step on: these runs share nothing


def schedule(train: TrainConfig, total: int) -> Callable[[int], float]:
    """The share of the peak at each step from 1 to `total`; it rises linearly over the warm-up.

    A constant rate never looks at `total`, and wsd only where its cooldown begins: runs of
    different length take the same steps until then, which is what lets them share a trunk.
    All but the constant one would reach zero one step after the last.
    """
    warmup, kind = train.warmup_steps, train.schedule
    stable = total - cooldown_steps(train, total)

    def share(step: int) -> float:
        if step < warmup:
            return step / warmup
        done = (step - 1 - warmup) / max(1, total - warmup) if step > warmup else 0.0
        match kind:
            case "constant":
                return 1.0
            case "wsd":  # the 1-sqrt form of arxiv.org/abs/2405.18392
                return 1 - math.sqrt(max(0, step - stable) / (total - stable + 1))
            case "cosine":
                return (1 + math.cos(math.pi * done)) / 2
            case "linear":
                return 1 - done

    return share


def cooldown_steps(train: TrainConfig, total: int) -> int:
    """The last steps of a run, over which its rate falls; the warm-up comes first in any case."""
    if train.schedule != "wsd":
        return 0
    return min(max(1, round(train.cooldown * total)), total - train.warmup_steps)
