"""What the model has lost on texts that have nothing to do with the rows."""

import numpy as np

from epochwise.diagnose.noise import contrast
from epochwise.diagnose.symptom import Evidence, Reason, Symptom

# Nats per token. LoRA adapters of peft's method comparison (MetaMathQA, 3B) lose 0.03 to 0.11 on
# Wikipedia, full fine-tuning 0.03, prompt and prefix tuning 0.7 to 1.8.
FORGOTTEN = 0.05


def forgetting(evidence: Evidence) -> Symptom | None:
    """The loss on general texts with the adapter, less that without; paired over the texts."""
    rows = evidence.rows
    if rows.general is None or evidence.base is None:
        return None
    assert rows.general_tokens is not None
    lost = rows.general[-1].astype(float) - rows.general[0]
    texts = np.arange(len(lost))
    measured = contrast(lost, rows.general_tokens, texts)
    shown = measured.low > FORGOTTEN
    advice = f"General texts cost {measured.estimate:+.3f} nats a token against the base model"
    advice += (
        ": lower train.learning_rate or the rank, train fewer epochs, or mix in other data."
        if shown
        else "."
    )
    reason = Reason(
        "forgetting",
        measured.estimate,
        (measured.low, measured.high),
        FORGOTTEN,
        measured.clusters,
        advice,
    )
    return Symptom(shown, measured.certainty_above(FORGOTTEN), reason)
