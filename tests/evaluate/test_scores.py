import numpy as np
import pytest
from rouge_score.rouge_scorer import RougeScorer
from sacrebleu import corpus_bleu, sentence_chrf

from epochwise.evaluate.refusal import read_refusals
from epochwise.evaluate.scores import (
    bleu,
    bleu_counts,
    bleu_tokenizer,
    check_installed,
    exact,
    f1,
    rouge_l,
    scores,
)
from epochwise.evaluate.words import tokens


def test_case_articles_and_marks_do_not_matter_to_an_exact_match() -> None:
    assert exact("the Town of  VARN", "Town of Varn.") == 1
    assert exact("Town of Varna", "Town of Varn.") == 0
    assert exact("東京です", "東京です。") == 1
    assert exact("１２", "12") == 1


def test_f1_counts_words_and_in_chinese_and_japanese_characters() -> None:
    assert f1("it is red and blue", "it is red") == pytest.approx(2 * 3 / 8)
    assert f1("red red", "red") == pytest.approx(2 / 3)
    assert f1("东京", "东京都") == pytest.approx(0.8)
    assert f1("", "red") == 0
    assert f1("...", "!") == 1  # nothing but marks in both


def test_the_best_reference_counts() -> None:
    found = scores("two", ["three", "two"])
    assert (found["exact"], found["f1"], found["rouge_l"]) == (1, 1, 1)
    assert found["chrf"] == pytest.approx(sentence_chrf("two", ["three", "two"]).score)


def test_rouge_l_is_that_of_the_library_on_english_and_sees_chinese() -> None:
    pairs = [("It's a red coat.", "A coat, it's red"), ("no word", "in common here")]
    own = RougeScorer(["rougeL"])
    for answer, reference in pairs:
        assert rouge_l(answer, reference) == own.score(reference, answer)["rougeL"].fmeasure
    assert rouge_l("首都是东京", "东京是首都") == pytest.approx(0.4)  # 首都 or 东京: 2 of 5
    assert own.score("东京", "东京")["rougeL"].fmeasure == 0


def test_bleu_of_summed_counts_is_the_corpus_bleu_of_the_library() -> None:
    answers = ["The cat sat on the mat today.", "A dog ran over the old bridge.", "No."]
    wanted = ["The cat sat on a mat today.", "The dog ran over the old bridge.", "Yes, it is."]
    counts = [bleu_counts(a, [w]) for a, w in zip(answers, wanted, strict=True)]
    total = np.sum(counts, axis=0)[None]
    assert bleu(total)[0] == pytest.approx(corpus_bleu(answers, [wanted]).score)
    chinese = bleu_counts("东京是日本的首都。", ["东京是日本的首都。"])
    assert bleu(chinese[None])[0] == pytest.approx(100)
    assert chinese[4] == 9  # characters, as sacrebleu's zh parts them


def test_bleu_parts_words_as_the_language_does() -> None:
    assert bleu_tokenizer("The capital is 12 km away.") == "13a"
    assert bleu_tokenizer("东京是首都") == "zh"
    assert bleu_tokenizer("東京が首都です") in ("ja-mecab", "char")


def test_libraries_that_lack_are_told_with_the_command_that_installs_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    check_installed()
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    told = r"needs rouge-score, sacrebleu, py3langid, httpx, .*pip install 'epochwise\[eval\]'"
    with pytest.raises(ValueError, match=told):
        check_installed()


def test_words_are_words_of_any_script() -> None:
    assert tokens("Été naïve Слово 12_a 漢字かな") == [
        *("été", "naïve", "слово", "12_a"),
        *"漢字かな",
    ]


@pytest.mark.parametrize(
    "answer",
    [
        "I do not know.",
        "Sorry, I don't know that.",
        "The passage does not say.",
        "我不知道。",
        "申し訳ありませんが、わかりません。",
    ],
)
def test_a_refusal_is_recognised_in_three_languages(answer: str) -> None:
    assert read_refusals().refuses(answer)


@pytest.mark.parametrize(
    "answer", ["I know: Varn.", "东京。", "", "It is red. " * 20 + "I do not know"]
)
def test_an_answer_is_no_refusal(answer: str) -> None:
    assert not read_refusals().refuses(answer)


def test_the_datas_own_refusing_answers_count_too() -> None:
    assert not read_refusals().refuses("Ask the mayor!")
    assert read_refusals().with_answers(["Ask the mayor."]).refuses("ask the mayor!")
