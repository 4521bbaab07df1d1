"""What was held equal between base models, and what was not, in the reader's language."""

from collections.abc import Sequence
from typing import Any

from epochwise.diagnose.answer import PER_ANSWER
from epochwise.diagnose.cells import SEED
from epochwise.record import flat
from epochwise.report.language import Words
from epochwise.report.numbers.models import Compared, Model

HELD = (  # named where they are equal; whatever differs is named in any case
    *("data.name", "data.size", "train.epochs", "peft.name", "peft.r", "train.learning_rate"),
    *("train.batch_size", SEED, "model.weights", "model.template"),
)
OWN = ("model.name", "model.path", "data.name", "train.name")  # what they are, and labels


def fairness(found: Compared, words: Words) -> tuple[str, ...]:
    """Sentences: what the shown runs have in common, and what makes them hard to compare."""
    settings = [_settings(model) for model in found.models]
    keys = list(dict.fromkeys([*HELD, *(key for each in settings for key in each)]))
    differ = [key for key in keys if len({str(each.get(key)) for each in settings}) > 1]
    equal = [key for key in HELD if key not in differ and settings[0].get(key) is not None]
    apart = [key for key in differ if key not in OWN and not key.startswith("evaluate.")]
    told = [words("models.equal", settings=", ".join(_one(key, settings, words) for key in equal))]
    if apart:
        each = [_each(key, settings, found.models, words) for key in apart]
        told.append(words("models.differ", settings="; ".join(each)))
    return (*told, *_warnings(found, words))


def _settings(model: Model) -> dict[str, Any]:
    """Of its best runs; seeds are all of theirs."""
    settings = flat(model.cell.records[0].settings)
    seeds = sorted(record.settings["train"]["seed"] for record in model.cell.records)
    return settings | {SEED: ", ".join(map(str, seeds))}


def _one(key: str, settings: Sequence[dict[str, Any]], words: Words) -> str:
    return words("models.setting", name=words.axis(key), value=settings[0][key])


def _each(
    key: str, settings: Sequence[dict[str, Any]], models: Sequence[Model], words: Words
) -> str:
    values = [
        words("models.setting", name=model.name, value=_shown(own.get(key)))
        for model, own in zip(models, settings, strict=True)
    ]
    return words("models.apart", name=words.axis(key), values=", ".join(values))


def _shown(value: Any) -> str:
    return "–" if value is None else str(value)


def _warnings(found: Compared, words: Words) -> list[str]:
    told = []
    fewer = {name: n for name, n in found.tried.items() if n < found.all_tried}
    if fewer:
        counts = [words("models.setting", name=name, value=n) for name, n in fewer.items()]
        told.append(words("models.fewer", all=found.all_tried, models=", ".join(counts)))
    if found.unit == PER_ANSWER:
        told.append(words("models.tokenizers"))
    if not found.is_same_exam:
        told.append(words("models.exams"))
    if not found.measures:
        told.append(words("models.unasked"))
    return told
