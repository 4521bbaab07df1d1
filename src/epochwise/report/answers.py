"""What runs have answered to held-out questions, as numbers to compare."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from epochwise.diagnose.quality import study_quality
from epochwise.quality import ALL, QUALITY, RUN, Measure, Quality
from epochwise.record import Record, run_folder
from epochwise.report import gain
from epochwise.report.language import Words
from epochwise.report.numbers.sheet import Sheet

SHARES = (  # of all questions, in [0, 1] like the exact answers of each kind
    "prudence",
    "over_conservativeness",
    "honesty",
    "consistency",
    "language",
)


class Asked(NamedTuple):
    """One run beside its untuned base, on the same questions."""

    label: str
    measured: dict[str, dict[str, Measure]]
    """What was asked -> arm -> share of answers."""
    bits: dict[str, Measure]
    """Arm -> bits per byte of the validation answers."""
    sentences: tuple[str, ...]
    english: tuple[str, ...]
    """What evaluation wrote, where the sentences are not these themselves."""
    notes: tuple[str, ...]


def asked(
    folder: Path, records: Sequence[Record], chosen: str | None, words: Words
) -> Asked | None:
    """The recommended run's answers, else those of the first run that has any."""
    order = sorted(records, key=lambda record: record.id != chosen)
    answered = (r for r in order if (run_folder(folder, r.id) / QUALITY).is_file())
    record = next(answered, None)
    if record is None:
        return None
    return asked_of(Quality.load(run_folder(folder, record.id)), record.label, words)


def asked_of(quality: Quality, label: str, words: Words) -> Asked:
    """One run's answers under its label."""
    return Asked(
        label=label,
        measured=_measured(quality, words),
        bits={arm: kinds[ALL]["bits_per_byte"] for arm, kinds in _arms(quality, "bits_per_byte")},
        sentences=gain.gain(quality, words),
        english=() if words.code == "en" else quality.sentences,
        notes=quality.notes,
    )


def course(folder: Path, words: Words) -> tuple[str, ...]:
    """What more epochs did to the answers, where runs of several lengths have given them."""
    return tuple(told for line in study_quality(folder) for told in gain.course(line, words))


def sheet(asked: Asked) -> Sheet:
    """Every measure of every arm; bits per byte under a name of their own."""
    every = asked.measured | ({"bits_per_byte": asked.bits} if asked.bits else {})
    return Sheet(
        ("asked", "arm", "share", "low", "high", "n"),
        tuple(
            (name, arm, *found_of)
            for name, found in every.items()
            for arm, found_of in _rows(found)
        ),
    )


def _rows(found: dict[str, Measure]) -> list[tuple[str, tuple[float, float, float, int]]]:
    return [(arm, (each.value, each.low, each.high, each.n)) for arm, each in found.items()]


def _measured(quality: Quality, words: Words) -> dict[str, dict[str, Measure]]:
    kinds = [kind for kind in quality.arms[RUN] if kind != ALL]
    exact = {
        words("asked.exact", kind=words.kind(kind)): {
            arm: found[kind]["exact"] for arm, found in quality.arms.items() if kind in found
        }
        for kind in kinds
    }
    whole = {
        words(f"asked.{name}"): {arm: kinds[ALL][name] for arm, kinds in _arms(quality, name)}
        for name in SHARES
    }
    return exact | {told: arms for told, arms in whole.items() if arms}


def _arms(quality: Quality, measure: str) -> list[tuple[str, dict[str, dict[str, Measure]]]]:
    return [(arm, kinds) for arm, kinds in quality.arms.items() if measure in kinds.get(ALL, {})]
