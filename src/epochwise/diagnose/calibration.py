"""Over-confident, or worse: what one temperature for all tokens can mend of a risen loss.

A model that keeps learning its training rows grows surer of everything. Its loss on others may
rise for that alone while it predicts as well as before (1706.04599): dividing all scores by one
temperature then takes the rise back.
"""

from dataclasses import replace

import numpy as np
from jaxtyping import Float

from epochwise.diagnose.symptom import RISE, Evidence, Reason, Symptom, ratio, rise_contrasts
from epochwise.record import Point, RowLosses


def calibration(evidence: Evidence) -> Symptom | None:
    """Whether a rise after the lowest epoch goes with a refit temperature, and accuracy stays.

    Asked of a curve that has risen. The temperature of each row is fitted on the other half of
    the sources, at every epoch.
    """
    rows = evidence.rows
    if rows.val_tempered is None or len(evidence.tuned) < 2:
        return None
    nats, temperature = refitted(rows)
    tokens = rows.val_tokens.sum()
    curve = [
        Point(point.epoch, float(mean), point.probe)
        for point, mean in zip(evidence.curve, nats.sum(axis=1) / tokens, strict=True)
    ]
    tempered = Evidence(tuple(curve), replace(rows, val=nats))
    risen = rise_contrasts(tempered)[-1]
    share = ratio(risen.estimate, tempered.best.val)
    shown = risen.high < RISE * tempered.best.val and not accuracy_fell(evidence)
    advice = f"With all scores divided by {temperature:.2g} the rise is {share:.1%}"
    advice += (
        ": the model is too sure, and predicts as well as before; a temperature mends it."
        if shown
        else ": a temperature does not mend it."
    )
    bounds = (ratio(risen.low, tempered.best.val), ratio(risen.high, tempered.best.val))
    reason = Reason("refitted_rise", share, bounds, RISE, risen.clusters, advice)
    return Symptom(shown, 1 - risen.certainty_above(RISE * tempered.best.val), reason)


def refitted(rows: RowLosses) -> tuple[Float[np.ndarray, "points rows"], float]:
    """Nats of each row at the temperature that suits the other half best; the last, on all."""
    assert rows.val_tempered is not None
    assert rows.temperatures is not None
    every = np.concatenate([rows.val[:, None], rows.val_tempered], axis=1).astype(float)
    labels = np.unique(rows.val_source, return_inverse=True)[1]
    half = np.random.default_rng(0).permutation(int(labels.max()) + 1)[labels] % 2 == 0
    nats = np.empty_like(every[:, 0])
    for inside in (half, ~half):
        best = every[:, :, ~inside].sum(axis=2).argmin(axis=1)
        nats[:, inside] = np.take_along_axis(every[:, :, inside], best[:, None, None], 1)[:, 0]
    last = int(every[-1].sum(axis=1).argmin())
    return nats, float([1.0, *rows.temperatures][last])


def accuracy_fell(evidence: Evidence) -> bool:
    """Whether fewer tokens are the most likely ones at the end than at the lowest loss."""
    rows = evidence.rows
    if rows.val_correct is None:
        return False
    correct = replace(rows, val=-rows.val_correct.astype(float))
    lost = Evidence(evidence.curve, correct).between(evidence.curve[-1], evidence.best)
    return lost.low > 0
