"""How the loss goes with rows: what more data would bring."""

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from epochwise.diagnose.laws.fit import Law
from epochwise.diagnose.laws.powers import power_sum

LAST = 3  # sizes; on 90 public curves (2402.02314) this beats full laws to 8 times the data
FARTHEST = 8  # times the largest size: beyond it nothing was checked
FEWEST, BREAK = 3, 5.0  # of "accept then stop" (2402.02314): points, standardised residual

Array = Float[np.ndarray, " sizes"]


class Line(NamedTuple):
    """log L = intercept + slope log D."""

    intercept: float
    slope: float

    def loss(self, rows: int | float) -> float:
        return math.exp(self.intercept + self.slope * math.log(rows))


def log_line(rows: Array, losses: Array) -> Line:
    """The least-squares line through all points, in logarithms."""
    x, y = np.log(rows), np.log(losses)
    slope = float(((x - x.mean()) * (y - y.mean())).sum() / np.square(x - x.mean()).sum())
    return Line(float(y.mean() - slope * x.mean()), slope)


def last_sizes(rows: Array, losses: Array) -> Line:
    """The line through the three largest sizes, which serves up to `FARTHEST` times the largest."""
    order = np.argsort(rows)[-LAST:]
    return log_line(rows[order], losses[order])


def accept_then_stop(rows: Array, losses: Array) -> Line:
    """The line through the largest sizes, as many as lie on one (AtS, 2402.02314).

    Smaller sizes join until one lies off the line by more than 5 standard deviations: there
    ends the phase in which the loss is a power of the rows. The smallest of all never joins.
    """
    order = np.argsort(rows)[::-1]
    rows, losses = rows[order], losses[order]
    kept = FEWEST
    while kept < len(rows) - 1 and _joins(rows[: kept + 1], losses[: kept + 1]):
        kept += 1
    return log_line(rows[:kept], losses[:kept])


def _joins(rows: Array, losses: Array) -> bool:
    """Whether the last point lies on the line through those before it."""
    line = log_line(rows[:-1], losses[:-1])
    away = np.log(losses) - line.intercept - line.slope * np.log(rows)
    return bool(abs(away[-1]) <= BREAK * np.std(away[:-1]))


def rectified(rows: Float[np.ndarray, " points"]) -> Law:
    """L = (A - E) / (1 + exp(b + beta log D)) + E, which at no rows is A (2402.02314).

    The same as B / (D_l + D^beta) + E: flat while D^beta is small beside D_l, what pretraining
    is worth in rows.
    """
    logs = np.log(np.maximum(rows, 1e-12))  # the base model, at 0 rows

    def log_loss(
        parameters: Float[np.ndarray, "fits parameters"],
    ) -> tuple[Float[np.ndarray, "fits points"], Float[np.ndarray, "fits points parameters"]]:
        fall, floor = np.exp(parameters[:, :1]), np.exp(parameters[:, 1:2])
        beta = np.exp(parameters[:, 2:3])
        inner = np.clip(parameters[:, 3:] + beta * logs, -500, 500)
        share = 1 / (1 + np.exp(inner))
        loss = fall * share + floor
        bend = -fall * share * (1 - share)
        columns = [fall * share, np.broadcast_to(floor, loss.shape), bend * beta * logs, bend]
        return np.log(loss), np.stack(columns, axis=2) / loss[:, :, None]

    low, high = np.array([-2.0, -8.0, -2.5, -12.0]), np.array([2.0, 1.5, 0.5, 2.0])
    return Law("rectified", log_loss, low, high, np.full(4, np.inf))


def vanilla(rows: Float[np.ndarray, " points"]) -> Law:
    """L = B / D^beta + E."""
    box = {"E": (-8.0, 1.5), "B": (-2.0, 6.0), "beta": (-4.0, 0.5)}
    return power_sum("vanilla", [{"E": 1.0}, {"B": 1.0, "beta": -np.log(rows)}], box)
