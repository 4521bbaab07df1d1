"""How well an answer matches its references: exact, F1, ROUGE-L, chrF; BLEU's counts."""

import importlib.util
from collections import Counter
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from epochwise.evaluate.words import normalised, script, tokens

if TYPE_CHECKING:
    from rouge_score.rouge_scorer import RougeScorer  # type: ignore[import-untyped]
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.metrics.chrf import CHRF

INSTALL = "run: pip install 'epochwise[eval]'"
ORDER = 4  # BLEU's longest n-grams


def scores(answer: str, references: Sequence[str]) -> dict[str, float]:
    """The answer's scores against the reference that suits it best, by the name of the metric."""
    return {
        "exact": max(exact(answer, one) for one in references),
        "f1": max(f1(answer, one) for one in references),
        "rouge_l": max(rouge_l(answer, one) for one in references),
        "chrf": _chrf().sentence_score(answer, list(references)).score,
    }


def exact(answer: str, reference: str) -> float:
    return float(normalised(answer) == normalised(reference))


def f1(answer: str, reference: str) -> float:
    """SQuAD's token F1 (arXiv 1606.05250); characters where a language writes no spaces.

    Example:
        Two of three words are right, and two of two found:

        >>> f1("the town Varn", "town of Varn")
        0.8
    """
    given, wanted = tokens(normalised(answer)), tokens(normalised(reference))
    if not given or not wanted:
        return float(given == wanted)
    common = (Counter(given) & Counter(wanted)).total()
    return 2 * common / (len(given) + len(wanted))


def rouge_l(answer: str, reference: str) -> float:
    """F-measure of the longest common subsequence of words, by the rouge-score library."""
    return float(_rouge().score(reference, answer)["rougeL"].fmeasure)


def bleu_counts(answer: str, references: Sequence[str]) -> Float[np.ndarray, " counts"]:
    """What corpus BLEU sums over answers: matches and n-grams of 1 to 4 words, both lengths."""
    found = _bleu(bleu_tokenizer(references[0])).sentence_score(answer, list(references))
    return np.array([*found.counts, *found.totals, found.sys_len, found.ref_len], np.float64)


def bleu(sums: Float[np.ndarray, "draws counts"]) -> Float[np.ndarray, " draws"]:
    """Corpus BLEU of summed counts, in [0, 100], smoothed as sacrebleu does by default.

    Where no answer has four words, the longest n-grams that there are count; else it would be 0.
    """
    from sacrebleu.metrics.bleu import BLEU

    whole = np.rint(sums).astype(int).tolist()
    found = [
        BLEU.compute_bleu(
            correct=row[:ORDER],
            total=row[ORDER : 2 * ORDER],
            sys_len=row[-2],
            ref_len=row[-1],
            effective_order=True,
        ).score
        for row in whole
    ]
    return np.array(found)


def bleu_tokenizer(reference: str) -> str:
    """Sacrebleu's name of it: 13a, zh, and ja-mecab, or char where MeCab is not installed."""
    match script(reference):
        case "zh":
            return "zh"
        case "ja":
            return "ja-mecab" if importlib.util.find_spec("MeCab") else "char"
        case _:
            return "13a"


def check_installed() -> None:
    """Raises ValueError, with the command that installs them, where scoring libraries lack."""
    needed = {
        "rouge_score": "rouge-score",
        "sacrebleu": "sacrebleu",
        "py3langid": "py3langid",
        "httpx": "httpx",
    }
    missing = [name for module, name in needed.items() if not importlib.util.find_spec(module)]
    if missing:
        raise ValueError(f"evaluate needs {', '.join(missing)}, which are not installed; {INSTALL}")


class _Words:
    """Our tokens, as rouge-score asks for them: its own leave nothing of Chinese and Japanese."""

    def tokenize(self, text: str) -> list[str]:
        return tokens(text)


@cache
def _rouge() -> "RougeScorer":
    from rouge_score.rouge_scorer import RougeScorer

    return RougeScorer(["rougeL"], tokenizer=_Words())


@cache
def _chrf() -> "CHRF":
    from sacrebleu.metrics.chrf import CHRF

    return CHRF()


@cache
def _bleu(tokenizer: str) -> "BLEU":
    from sacrebleu.metrics.bleu import BLEU

    return BLEU(tokenize=tokenizer, effective_order=True)
