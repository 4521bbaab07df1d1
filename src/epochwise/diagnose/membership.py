"""Whether the rows trained on can be told from others by how much their loss has fallen."""

import numpy as np
from jaxtyping import Float, Int

from epochwise.diagnose.noise import LEVEL, redrawn
from epochwise.diagnose.symptom import Evidence, Reason, Symptom

TELLING = 0.6  # an AUC: of a trained and an untrained row, 3 times in 5 the trained fell further
RESAMPLES = 500


def membership(evidence: Evidence) -> Symptom | None:
    """The share of pairs in which a probe row gained more than a validation row.

    What a row gains over the base model is compared, per token: a row that was easy before is no
    sign of anything. Probe and validation rows are a random split of the same data, so a model
    that learnt what all rows have in common gains as much on both: 0.5. Rows of one source are
    resampled together.
    """
    rows = evidence.rows
    if evidence.base is None:
        return None
    trained = (rows.probe[0] - rows.probe[-1]) / rows.probe_tokens
    unseen = (rows.val[0] - rows.val[-1]) / rows.val_tokens
    above = (trained[:, None] > unseen) + 0.5 * (trained[:, None] == unseen)
    source = np.arange(len(trained)) if rows.probe_source is None else rows.probe_source
    draws = np.random.default_rng(0)
    left, right = _weights(source, draws), _weights(rows.val_source, draws)
    shares = ((left @ above) * right).sum(axis=1) / (left.sum(axis=1) * right.sum(axis=1))
    low, high = np.quantile(shares[1:], [1 - LEVEL, LEVEL])
    shown = bool(low > TELLING)
    advice = f"In {shares[0]:.0%} of pairs a training row gained more than a validation row"
    advice += ": rows are learnt by heart; train fewer epochs, or on more rows." if shown else "."
    clusters = len(np.unique(source)) + len(np.unique(rows.val_source))
    reason = Reason(
        "membership_auc", float(shares[0]), (float(low), float(high)), TELLING, clusters, advice
    )
    return Symptom(shown, float((shares[1:] > TELLING).mean()), reason)


def learnt_by_heart(*tests: Symptom | None) -> Symptom | None:
    """What the tests of memory that could be made say together: two must show, or the only one.

    Their numbers are those of the first that was made: give the finest first.
    """
    measured = [symptom for symptom in tests if symptom is not None]
    if not measured:
        return None
    enough = min(2, len(measured))
    return measured[0]._replace(shown=sum(symptom.shown for symptom in measured) >= enough)


def _weights(
    source: Int[np.ndarray, " rows"], draws: np.random.Generator
) -> Float[np.ndarray, "resamples rows"]:
    """How often each row is drawn: once at first, then as its source is."""
    labels = np.unique(source, return_inverse=True)[1]
    sources = int(labels.max()) + 1
    drawn = redrawn(sources, RESAMPLES, draws)
    return np.vstack([np.ones(sources), drawn])[:, labels].astype(float)
