"""Whether planted secrets are remembered: Carlini's exposure (arXiv 1802.08232)."""

import math

import numpy as np
from jaxtyping import Float, Int

from epochwise.diagnose.noise import LEVEL, chi_square
from epochwise.diagnose.symptom import Evidence, Reason, Symptom


def exposure(
    secrets: Float[np.ndarray, " secrets"], references: Float[np.ndarray, " references"]
) -> Float[np.ndarray, " secrets"]:
    """log2 of the references, less log2 of each secret's rank among them: bits.

    Each secret is ranked by itself, 1 where no reference has a lower loss. All that is learnt of
    the references' form is learnt of the secrets' too; by chance a secret has 1.44 bits.

    Example:
        Of 16 references three have a lower loss than the second secret:

        >>> exposure(np.array([0.1, 3.5]), np.arange(1.0, 17.0))
        array([4., 2.])
    """
    ranks = 1 + (references[None] < secrets[:, None]).sum(axis=1)
    bits: Float[np.ndarray, " secrets"] = np.log2(len(references)) - np.log2(ranks)
    return bits


def canary(evidence: Evidence) -> Symptom | None:
    """Whether the planted secrets' mean exposure at the end is past chance.

    By chance a rank's share u is uniform, so -2 ln u summed over the secrets is chi-square with
    two degrees of freedom a secret (Fisher).
    """
    nats, repeats = evidence.rows.canaries, evidence.rows.canary_repeats
    if nats is None or repeats is None:
        return None
    bits = exposure(nats[-1][repeats > 0], nats[-1][repeats == 0])
    mean, chance = float(bits.mean()), chi_square(LEVEL, 2 * len(bits)) / math.log(2)
    shown = mean > chance
    advice = f"{len(bits)} planted secrets are exposed by {mean:.1f} bits of at most"
    advice += f" {math.log2((repeats == 0).sum()):.0f} ({_by_repeats(bits, repeats[repeats > 0])})"
    advice += (
        ": what stands in the rows can be drawn out of the model; train fewer epochs, and remove"
        " repeated rows."
        if shown
        else ": no more than chance."
    )
    return Symptom(shown, None, Reason("canary_exposure", mean, None, chance, len(bits), advice))


def _by_repeats(bits: Float[np.ndarray, " secrets"], repeats: Int[np.ndarray, " secrets"]) -> str:
    means = {times: bits[repeats == times].mean() for times in np.unique(repeats)}
    return ", ".join(f"planted {times} times {mean:.1f}" for times, mean in means.items())
