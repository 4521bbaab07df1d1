"""Losses along an axis, from any tool: what a curve without rows is judged by."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

DETAIL = 120  # points that a curve is thinned to: more say nothing new about its course
FILTERED_FROM = 10  # points: among fewer a median would remove the minimum itself
OUTLYING = 6.0  # robust standard deviations: the factor of OLMo-core's step skipping
QUARTER = 0.25  # of what was learnt: what undoes less is no event of its own


class Trace(NamedTuple):
    """Losses in the order of the axis; the axis is in epochs or in steps."""

    at: Float[np.ndarray, " points"]
    losses: Float[np.ndarray, " points"]


EMPTY = Trace(np.empty(0), np.empty(0))


@dataclass(frozen=True)
class History:
    """What any tool has logged about one training."""

    val: Trace
    train: Trace = EMPTY
    """Losses of training steps or means of them, measured before each update."""
    probe: Trace = EMPTY
    """A sample of training rows, measured exactly as validation is, at the same points."""
    based: bool = False
    """Whether the first validation loss is that of the untuned base model."""
    axis: str = "epoch"
    boundaries: Float[np.ndarray, " boundaries"] | None = None
    """Where on the axis an epoch ends; None where that is not known."""

    @property
    def fitted(self) -> Trace:
        """The losses that tell whether the training rows are fitted; they may be empty."""
        return self.probe if len(self.probe.losses) else self.train

    @property
    def judged(self) -> Trace:
        """What the headline is about: the training losses where nothing was validated."""
        return self.val if len(self.val.losses) else self.train


def finite(trace: Trace) -> Trace:
    kept = np.isfinite(trace.losses)
    return Trace(trace.at[kept], trace.losses[kept])


def ends_unbounded(losses: Float[np.ndarray, " points"]) -> bool:
    """Whether the losses left for infinity, or are no numbers from some point to the end.

    A gap of NaN with numbers after it is an evaluation that was left out; so is one at the end
    that is no longer than the gaps before it.
    """
    known = np.isfinite(losses)
    if np.isinf(losses).any() or not known.any():
        return True
    edges = np.flatnonzero(np.diff(np.concatenate([[True], known, [True]]).astype(int)))
    gaps = edges[1::2] - edges[::2]
    return bool(not known[-1] and gaps[-1] > max(gaps[:-1], default=0))


def outliers(losses: Float[np.ndarray, " points"]) -> Float[np.ndarray, " points"]:
    """How far each lonely spike lies above the median around it; 0 for all other points.

    It has to be 6 robust deviations high, and a quarter of the curve's range.
    """
    if len(losses) < FILTERED_FROM:
        return np.zeros(len(losses))
    around = np.median(
        np.lib.stride_tricks.sliding_window_view(np.pad(losses, 2, mode="edge"), 5), axis=1
    )
    off = losses - around
    scale = 1.4826 * float(np.median(np.abs(off)))
    extent = float(around.max() - around.min())
    high = np.abs(off) > max(OUTLYING * scale, QUARTER * extent)
    high[-1] = False  # nothing tells yet whether it will come back
    high &= (off > 0) | (scale > 0)  # where nothing scatters, a low point is the lowest, no spike
    return np.where(high, off, 0.0)


def thinned(trace: Trace, detail: int = DETAIL) -> Trace:
    """The trace without lonely spikes, consecutive points averaged down to about `detail`."""
    losses = trace.losses - outliers(trace.losses)
    size = -(-len(losses) // detail)
    if size <= 1:
        return Trace(trace.at, losses)
    starts = np.arange(len(losses) % size, len(losses), size)  # the end is whole, not the start
    starts = np.unique(np.concatenate([[0], starts]))
    counts = np.diff(np.append(starts, len(losses)))
    return Trace(
        np.add.reduceat(trace.at, starts) / counts, np.add.reduceat(losses, starts) / counts
    )
