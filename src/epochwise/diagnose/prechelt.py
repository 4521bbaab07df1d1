"""Prechelt's (1998) early-stopping criteria, read on a finished curve.

They see the mean loss only, so they cannot tell a rise from the noise of the validation rows:
`noise` does, where losses per row are kept.
"""

from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Float

# On fewer points a median over three would remove the minimum itself: 1.5 in [2.0, 1.5, 1.9].
SMOOTHED_FROM = 10


def generalization_loss(losses: Sequence[float]) -> float:
    """GL: how far the last loss lies above the lowest, in percent of the lowest.

    >>> generalization_loss([10.0, 8.0, 9.0])
    12.5
    """
    return _percent_above(losses[-1], min(losses))


def progress(losses: Sequence[float]) -> float:
    """P_k: how far the mean of a strip of k training losses lies above its lowest, in per mille.

    >>> progress([2.0, 3.0, 6.0, 7.0])
    1250.0
    """
    return 10 * _percent_above(sum(losses) / len(losses), min(losses))


def progress_quotient(losses: Sequence[float], strip: Sequence[float]) -> float:
    """PQ: the generalization loss over the progress; infinite once training stands still."""
    slow = progress(strip)
    return generalization_loss(losses) / slow if slow > 0 else np.inf


def increases(losses: Sequence[float]) -> int:
    """UP: how many times in a row the loss has just risen."""
    count = 0
    while count + 1 < len(losses) and losses[-1 - count] > losses[-2 - count]:
        count += 1
    return count


def since_best(losses: Sequence[float]) -> int:
    """How many losses have come after the lowest."""
    return len(losses) - 1 - int(np.argmin(losses))


def first_stop(losses: Sequence[float], stops: Callable[[Sequence[float]], bool]) -> int:
    """The number of losses, 1 or more, after which `stops` says so first; 0 for never."""
    lengths = range(1, len(losses) + 1)
    return next((length for length in lengths if stops(losses[:length])), 0)


def final_generalization_loss(losses: Sequence[float]) -> float:
    """GL of a finished run: the mean of its last 5%, against the lowest, both smoothed.

    Smoothing is a running median over a twentieth of the curve: else one lucky evaluation of
    a long, noisy curve is the minimum that every later loss is held against.
    """
    smoothed = _running_median(np.asarray(losses, dtype=float))
    tail = smoothed[-max(1, len(smoothed) // 20) :]
    return _percent_above(float(tail.mean()), float(smoothed.min()))


def _running_median(losses: Float[np.ndarray, " points"]) -> Float[np.ndarray, " points"]:
    if len(losses) < SMOOTHED_FROM:
        return losses
    half = max(3, len(losses) // 20) // 2
    windows = [losses[max(0, i - half) : i + half + 1] for i in range(len(losses))]
    return np.array([np.median(window) for window in windows])


def _percent_above(value: float, lowest: float) -> float:
    if value == lowest:
        return 0.0
    return float(100 * (value / abs(lowest) - 1)) if lowest else np.inf
