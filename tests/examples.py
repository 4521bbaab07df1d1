"""Examples by hand."""

from collections.abc import Sequence

import numpy as np

from epochwise.data.tokens import Example


def example_of(ids: Sequence[int], scored_from: int) -> Example:
    """All tokens from `scored_from` on carry loss."""
    return Example(np.array(ids, np.int32), np.arange(len(ids)) >= scored_from)
