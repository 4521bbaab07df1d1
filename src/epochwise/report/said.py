"""The finding in the reader's language."""

from typing import NamedTuple

from epochwise.diagnose.answer import PER_ANSWER
from epochwise.diagnose.cells import EPOCHS, SIZE
from epochwise.record import JSON
from epochwise.report.language import Words


class Said(NamedTuple):
    sentences: tuple[str, ...]
    would_change: tuple[str, ...]
    english: tuple[str, ...]
    """What diagnosis wrote, where the sentences are not these themselves."""


def said(finding: JSON, words: Words) -> Said:
    """Diagnosis writes English; in other languages its numbers are told anew, the main ones."""
    own, change = tuple(finding["sentences"]), tuple(finding["would_change"])
    if words.code == "en":
        return Said(own, change, ())
    return Said(_sentences(finding, words), _would_change(finding, words), (*own, *change))


def _sentences(finding: JSON, words: Words) -> tuple[str, ...]:
    if finding["run"] is None:
        return (words("finding.nothing"),)
    return (_headline(finding, words), *_optima(finding, words), *_more(finding, words))


def _headline(finding: JSON, words: Words) -> str:
    alone = len(finding["standings"]) == 1
    sure = "use" if finding["equals"] else "use_alone"
    key = "one" if alone else sure if finding["sure"] else "begin"
    return words(
        f"finding.{key}",
        cell=cell(finding["cell"], words),
        loss=f"{finding['loss']:.3f}",
        unit=unit(finding, words),
        eps=f"{finding['eps'] or 0:.3f}",
        p=words.sure(finding["p_regret"] or 0),
        settings=len(finding["standings"]),
        equals=len(finding["equals"]),
    )


def unit(finding: JSON, words: Words) -> str:
    """Of its loss."""
    per_answer = finding["unit"] == PER_ANSWER
    return words("unit_of_loss.answer" if per_answer else "unit_of_loss.token")


def cell(settings: JSON, words: Words) -> str:
    """`4 epochs, 128 rows, rank 8`."""
    counts = [words.count(settings[EPOCHS], "epoch"), words.count(settings[SIZE], "row")]
    others = [key for key in settings if key not in (SIZE, EPOCHS) and settings[key] is not None]
    return ", ".join([*counts, *(f"{words.axis(key)} {settings[key]}" for key in others)])


def _optima(finding: JSON, words: Words) -> tuple[str, ...]:
    if finding.get("law") is None:
        return ()
    places = "; ".join(
        words(
            "finding.optimum",
            rows=words.count(each["size"], "row"),
            epochs=words.count(each["epochs"], "epoch"),
            low=each["interval"][0],
            high=each["interval"][1],
        )
        for each in finding["law"]["optima"]
    )
    return (words("finding.optima", places=places),)


def _more(finding: JSON, words: Words) -> tuple[str, ...]:
    more = finding.get("more_data")
    if more is None:
        return ()
    told = {True: "helps", False: "hardly", None: "open"}[more["helps"]]
    low, high = more["interval"]
    gain = f"{more['gain']:.3f} ({low:.3f} – {high:.3f})"
    meaning = words(f"finding.more_{told}")
    rows = words.count(more["size"], "row")
    return (words("finding.more", rows=rows, gain=gain, meaning=meaning),)


def _would_change(finding: JSON, words: Words) -> tuple[str, ...]:
    keys = []
    if all(len(each["runs"]) == 1 for each in finding["standings"]):
        keys.append("change.seeds")
    if not finding["sure"]:
        keys.append("change.close")
    return tuple(words(key, count=len(finding["equals"]) + 1) for key in [*keys, "change.new_rows"])
