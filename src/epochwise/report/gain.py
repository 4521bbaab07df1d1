"""What fine-tuning and more epochs did to the answers, in the reader's language."""

from epochwise.diagnose.quality import QualityVerdict
from epochwise.quality import ALL, Quality
from epochwise.report.figure.dots import arm_name
from epochwise.report.language import Words


def gain(quality: Quality, words: Words) -> tuple[str, ...]:
    """Evaluation writes English; else its numbers are told anew, of the arm hardest to beat."""
    if words.code == "en" or not quality.gains:
        return quality.sentences
    hardest = min(quality.gains, key=lambda each: each.gain.value)
    found = hardest.gain
    key = "worth" if found.low > 0 else "harmful" if found.high < 0 else "open"
    numbers = {name: f"{getattr(found, name):+.2f}" for name in ("value", "low", "high")}
    return (words(f"gain.{key}", against=arm_name(hardest.against, words), n=found.n, **numbers),)


def course(line: QualityVerdict, words: Words) -> tuple[str, ...]:
    """What more epochs did, all in all and to each kind of question that got worse."""
    if words.code == "en":
        return (f"{line.label}: {line.sentences[0]}", *line.sentences[1:])
    told = []
    for drop in line.drops:
        last = max(drop.by_epoch)
        if not drop.is_sure and drop.kind != ALL:
            continue
        key = "worse" if drop.is_sure else "rising" if drop.best_epoch == last else "level"
        kind = words("course.all") if drop.kind == ALL else words.kind(drop.kind)
        told.append(
            words(
                f"course.{key}",
                label=line.label,
                kind=kind,
                best=drop.best_epoch,
                last=last,
                f1=f"{drop.by_epoch[last]:.2f}",
                highest=f"{drop.by_epoch[drop.best_epoch]:.2f}",
            )
        )
    return tuple(told)
