"""A statistic of answers, with its interval over sources.

Questions of one source share what makes them hard, so whole sources are drawn, not questions
(diagnosis as everywhere here: arXiv 2411.00640 finds naive errors three times too small).
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Float

from epochwise.diagnose.noise import redrawn
from epochwise.quality import Measure

Table = Float[np.ndarray, "questions parts"]
Statistic = Callable[[Float[np.ndarray, "draws parts"]], Float[np.ndarray, " draws"]]

DRAWS = 2000
TAILS = (2.5, 97.5)  # percent
SEED = 0


def mean(values: Sequence[float], group: Sequence[str]) -> Measure:
    """The mean of one number a question."""
    table = np.stack([np.asarray(values, np.float64), np.ones(len(values))], axis=1)
    return measure(table, group, ratio)


def share(values: Sequence[bool], group: Sequence[str]) -> Measure:
    """A mean of yes and no; where all are the same, other draws still might not be.

    No draw from equal answers differs, so the interval is then that of Clopper and Pearson for
    as many independent answers as there are sources.
    """
    found = mean([float(value) for value in values], group)
    reach = 0.025 ** (1 / len(set(group)))
    if found.value == 0:
        return Measure(0.0, 0.0, 1 - reach, found.n)
    return Measure(1.0, reach, 1.0, found.n) if found.value == 1 else found


def measure(table: Table, group: Sequence[str], statistic: Statistic) -> Measure:
    """The statistic of the table's column sums, with its cluster-bootstrap interval.

    Args:
        table: What the statistic is made of, one row a question.
        statistic: Sees one row of sums a draw; NaN where a draw leaves nothing to divide by.
    """
    labels = np.unique(np.asarray(group), return_inverse=True)[1]
    clusters = int(labels.max()) + 1
    value = float(statistic(table.sum(axis=0)[None])[0])
    if clusters < 2:
        return Measure(value, math.nan, math.nan, len(table))
    sums = np.zeros((clusters, table.shape[1]))
    np.add.at(sums, labels, table)
    drawn = redrawn(clusters, DRAWS, np.random.default_rng(SEED))
    low, high = np.nanpercentile(statistic(drawn @ sums), TAILS)
    return Measure(value, float(low), float(high), len(table))


def ratio(sums: Float[np.ndarray, "draws parts"]) -> Float[np.ndarray, " draws"]:
    """The first column over the second."""
    with np.errstate(invalid="ignore", divide="ignore"):
        quotients: Float[np.ndarray, " draws"] = sums[:, 0] / sums[:, 1]
    return quotients
