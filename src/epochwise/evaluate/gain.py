"""Whether fine-tuning was worth it: the run beside the base model, question by question."""

from collections.abc import Mapping, Sequence

from epochwise.evaluate.interval import mean
from epochwise.quality import METRIC, RUN, TRAINED, Answer, Gain


def gains(arms: Mapping[str, Sequence[Answer]]) -> list[Gain]:
    """Paired differences of F1 over the questions that were not trained on, one an untuned arm."""
    tuned = arms[RUN]
    asked = [place for place, answer in enumerate(tuned) if answer.kind != TRAINED]
    if not asked:
        return []
    group = [tuned[place].group for place in asked]
    return [
        Gain(arm, METRIC, mean([_difference(tuned[i], answers[i]) for i in asked], group))
        for arm, answers in arms.items()
        if arm != RUN
    ]


def advice(found: Sequence[Gain]) -> list[str]:
    """Answers to "do I need to fine-tune at all?", from the untuned arm that is hardest to beat."""
    if not found:
        return []
    hardest = min(found, key=lambda gain: gain.gain.value)
    gain, name = hardest.gain, f"the {hardest.against}"
    numbers = (
        f"F1 {gain.value:+.2f} against {name} on {gain.n} questions that were not trained on"
        f" (95% {gain.low:+.2f} to {gain.high:+.2f})"
    )
    if gain.low > 0:
        return [f"Fine-tuning is worth it: {numbers}."]
    if gain.high < 0:
        return [f"Do not fine-tune like this: {name} answers better; {numbers}."]
    return [f"Fine-tuning shows no sure gain: {numbers}. Ask more questions, or use {name}."]


def _difference(tuned: Answer, untuned: Answer) -> float:
    return tuned.scores[METRIC] - untuned.scores[METRIC]
