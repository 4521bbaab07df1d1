"""What a journal of built windows comes to: the rows, the paraphrases held out, and the counts."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from epochwise.data.language import language, tells_language
from epochwise.endpoint import JSON, Tokens
from epochwise.evaluate.words import normalised
from epochwise.make.build import DUPLICATE
from epochwise.make.support import stems
from epochwise.make.windows import Window

KNOWN, PARAPHRASE, UNANSWERABLE = "closed_book", "paraphrase", "unanswerable"
REFUSALS = {
    **{"en": "I do not know.", "de": "Das weiß ich nicht.", "fr": "Je ne sais pas."},
    **{"es": "No lo sé.", "it": "Non lo so.", "pt": "Não sei.", "nl": "Dat weet ik niet."},
    **{"zh": "我不知道。", "ja": "わかりません。"},
}


@dataclass(frozen=True)
class Manner:
    """How rows are written down."""

    source_in_prompt: bool
    refusal: str | None
    """The answer to what cannot be answered; None: in the language of the question."""


@dataclass(frozen=True)
class Built:
    rows: list[JSON]
    paraphrases: list[JSON]
    """Questions for `epochwise evaluate --questions`; none of them is among the rows."""
    left_out: dict[str, int]
    windows: int
    empty: int
    """Windows that gave no row."""
    spent: Tokens


def built(entries: Sequence[JSON], windows: Sequence[Window], manner: Manner) -> Built:
    """The rows in the order of the windows, whatever order these were done in.

    Rows that ask what an earlier one asks are left out, also where their windows overlap.
    """
    done = sorted((entry for entry in entries if "window" in entry), key=lambda one: one["window"])
    left_out: Counter[str] = Counter()
    seen = Seen()
    rows: list[JSON] = []
    held_out: list[JSON] = []
    full: set[int] = set()
    for entry in done:
        window = windows[entry["window"]]
        left_out.update(entry["left_out"])
        for number, pair in enumerate(entry["pairs"], 1):
            if seen.before(pair["question"], pair["answer"]):
                left_out[DUPLICATE] += 1
                continue
            full.add(entry["window"])
            rows.append(_row(pair, window, manner))
            held_out += _held_out(pair, window, f"{window.source}/{number}")
        for question in entry["unanswerable"]:
            if seen.before(question, ""):
                left_out[DUPLICATE] += 1
            else:
                rows.append(_twin(question, window, manner))
    spent = next((entry["spent"] for entry in reversed(entries) if "spent" in entry), (0, 0))
    return Built(
        rows,
        list(_unseen(held_out, rows)),
        dict(left_out.most_common()),
        len(done),
        len(done) - len(full),
        Tokens(*spent),
    )


class Seen:
    """Questions that rows ask already.

    Also in other words, where the answer is the same: if all that one names, the other names too.
    """

    def __init__(self) -> None:
        self._questions: set[str] = set()
        self._by_answer: dict[str, list[frozenset[str]]] = {}

    def before(self, question: str, answer: str) -> bool:
        """Whether it was there; from now on it is."""
        plain, named = normalised(question), stems(question)
        alike = self._by_answer.setdefault(normalised(answer), []) if answer else []
        if plain in self._questions or any(named <= one or one <= named for one in alike):
            return True
        self._questions.add(plain)
        alike.append(named)
        return False


def _row(pair: JSON, window: Window, manner: Manner) -> JSON:
    return {
        "instruction": pair["question"],
        "input": f"Source: {window.document}" if manner.source_in_prompt else "",
        "output": pair["answer"],
        "source": window.source,
        "kind": KNOWN,
        "evidence": pair["evidence"],
    }


def _twin(question: str, window: Window, manner: Manner) -> JSON:
    spoken = language(question) if tells_language(question) else language(window.text)
    refusal = manner.refusal or REFUSALS.get(spoken, REFUSALS["en"])
    pair = {"question": question, "answer": refusal, "evidence": ""}
    return _row(pair, window, manner) | {"kind": UNANSWERABLE}


def _held_out(pair: JSON, window: Window, fact: str) -> list[JSON]:
    asked = {"answer": pair["answer"], "kind": PARAPHRASE, "group": window.source, "fact": fact}
    return [{"question": text} | asked for text in pair["paraphrases"]]


def _unseen(held_out: list[JSON], rows: list[JSON]) -> Iterator[JSON]:
    """Paraphrases that are no row's question by chance, each once."""
    seen = {normalised(row["instruction"]) for row in rows}
    for question in held_out:
        plain = normalised(question["question"])
        if plain not in seen:
            seen.add(plain)
            yield question
