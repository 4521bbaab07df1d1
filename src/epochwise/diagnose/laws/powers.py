"""Laws that are sums of products of powers: Chinchilla's, the overfitting penalty, M0 to M3.

In logarithms each term is linear in the exponents, so one formula and its derivative serve all.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from epochwise.diagnose.laws.fit import Law, Prediction

NEVER = -1e5  # log of a factor 0, such as the repeats of one epoch; a power of it vanishes
VANISHED = -300.0  # log of a share that adds nothing; exp of much less is slow
RANK_PRIOR = 0.3  # sd of rank exponents: rank rarely matters (2402.17193)
SIGNED = {"rho", "alpha_r"}  # all other exponents are positive
FLAT, POWER = (-4.0, 2.0), (-3.0, 1.0)  # of logs: a floor of the loss; an exponent

Array = Float[np.ndarray, " points"]
Term = dict[str, Array | float]  # parameter -> its factor in the term's logarithm


class Terms(NamedTuple):
    """Log loss = log of the sum of exp(term)."""

    names: tuple[str, ...]
    factors: Float[np.ndarray, "terms parameters points"]
    exponent: np.ndarray
    """Which parameters are logs of an exponent."""

    def values(
        self, parameters: Float[np.ndarray, "fits parameters"]
    ) -> Float[np.ndarray, "fits parameters"]:
        return np.where(self.exponent, np.exp(np.where(self.exponent, parameters, 0)), parameters)

    def log_loss(
        self, parameters: Float[np.ndarray, "fits parameters"]
    ) -> tuple[Float[np.ndarray, "fits points"], Float[np.ndarray, "fits points parameters"]]:
        values = self.values(parameters)
        # Not by @, whose threads cost more than they bring for matrices as narrow as that
        logs = [np.einsum("fp,pn->fn", values, factor) for factor in self.factors]
        top = np.maximum.reduce(logs)
        shares = [np.exp(np.maximum(term - top, VANISHED)) for term in logs]
        total = np.add.reduce(shares)
        inner = np.where(self.exponent, values, 1.0)
        derivatives = np.zeros((len(self.names), *total.shape))
        for share, factor in zip(shares, self.factors, strict=True):
            share /= total
            for number in np.flatnonzero(factor.any(axis=1)):
                derivatives[number] += share * factor[number]
        derivatives *= inner.T[:, :, None]
        return top + np.log(total), np.moveaxis(derivatives, 0, 2)


def power_sum(name: str, terms: Sequence[Term], box: Mapping[str, tuple[float, float]]) -> Law:
    """The law whose loss is the sum of exp(term); parameters in the order of `box`."""
    names = tuple(box)
    points = max(np.size(value) for term in terms for value in term.values())
    factors = np.array(
        [[np.broadcast_to(term.get(name, 0.0), points) for name in names] for term in terms]
    )
    exponent = np.array([name.islower() and name not in SIGNED for name in names])
    log_loss: Prediction = Terms(names, factors, exponent).log_loss
    low, high = np.array(list(box.values())).T
    prior = np.array([RANK_PRIOR if name in SIGNED else np.inf for name in names])
    return Law(name, log_loss, low, high, prior)


def chinchilla(parameters: Array, tokens: Array) -> Law:
    """L = E + A / N^alpha + B / T^beta, T being all tokens seen."""
    terms: list[Term] = [
        {"E": 1.0},
        {"A": 1.0, "alpha": -np.log(parameters)},
        {"B": 1.0, "beta": -np.log(tokens)},
    ]
    box = {"E": (-2.0, 1.5), "A": (0.0, 12.0), "alpha": POWER, "B": (0.0, 15.0), "beta": POWER}
    return power_sum("chinchilla", terms, box)


def penalty(parameters: Array, unique: Array, epochs: Array) -> Law:
    """L = E + A / N^alpha + B / (U e)^beta + P (e - 1)^delta (N / U)^kappa (arXiv 2605.01640).

    The last term lets the loss rise again with epochs, which laws of the training length cannot.
    """
    terms: list[Term] = [
        {"E": 1.0},
        {"A": 1.0, "alpha": -np.log(parameters)},
        {"B": 1.0, "beta": -np.log(unique * epochs)},
        {"P": 1.0, "delta": repeats(epochs), "kappa": np.log(parameters / unique)},
    ]
    box = {
        **{"E": (-2.0, 1.5), "A": (0.0, 12.0), "alpha": POWER, "B": (0.0, 15.0), "beta": POWER},
        **{"P": (-8.0, 4.0), "delta": POWER, "kappa": POWER},
    }
    return power_sum("penalty", terms, box)


def repeats(epochs: Array) -> Array:
    """log(e - 1)."""
    again = np.maximum(epochs - 1, 0)
    return np.where(again > 0, np.log(np.where(again > 0, again, 1)), NEVER)


def study_laws(rows: Array, epochs: Array, rank: Array | None) -> tuple[Law, ...]:
    """M0 to M3 for one base model, each with one more term; M3 only where ranks differ.

    M0: c.  M1: E + B / (U e)^beta.  M2: M1 + P (e - 1)^delta / U^kappa, and M3: the same with
    P r^rho for P, and + Q / r^alpha_r. Rows and ranks are given relative to a typical one.
    """
    scaled = np.log(rows)
    gain: Term = {"B": 1.0, "beta": -(scaled + np.log(epochs))}
    cost: Term = {"P": 1.0, "delta": repeats(epochs), "kappa": -scaled}
    floor: dict[str, tuple[float, float]] = {"E": FLAT}
    fall = floor | {"B": FLAT, "beta": POWER}
    rise = fall | {"P": (-10.0, 0.0), "delta": POWER, "kappa": POWER}
    laws = [
        power_sum("M0", [{"E": np.ones(len(rows))}], floor),
        power_sum("M1", [{"E": 1.0}, gain], fall),
        power_sum("M2", [{"E": 1.0}, gain, cost], rise),
    ]
    if rank is not None:
        ranks = np.log(rank)
        capacity: Term = {"Q": 1.0, "alpha_r": -ranks}
        box = rise | {"rho": (-0.5, 0.5), "Q": (-8.0, 0.0), "alpha_r": (-0.5, 0.5)}
        laws.append(power_sum("M3", [{"E": 1.0}, gain, cost | {"rho": ranks}, capacity], box))
    return tuple(laws)
