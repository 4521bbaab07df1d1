from random import Random

import planted_rows
import pytest

from epochwise.data.check.near import groups, near


def test_near_copies_are_found_and_distinct_rows_are_not() -> None:
    made = planted_rows.planted(20_000, every=20)
    found = {(pair.first, pair.second) for pair in near(made.texts).pairs}
    missed = set(made.copies) - found
    assert len(made.copies) == 1000
    assert len(missed) <= 10
    for first, second in found - set(made.copies):  # whatever else pairs must truly be alike
        assert planted_rows.likeness(made.texts[first].split(), made.texts[second].split()) >= 0.8


def test_likeness_is_the_jaccard_index_of_words_and_their_pairs() -> None:
    made = planted_rows.planted(200, every=2)
    for first, second, likeness in near(made.texts).pairs:
        one, other = made.texts[first].split(), made.texts[second].split()
        assert likeness == pytest.approx(planted_rows.likeness(one, other))


def test_a_template_filled_with_other_names_gives_no_pairs_and_is_told() -> None:
    names = [name + "en" for name in planted_rows.vocabulary(3000)]
    asked = "tell me what the name of the river is that flows through the old town of"
    texts = list(dict.fromkeys(f"{asked} {name} in the north" for name in names))
    assert planted_rows.likeness(texts[0].split(), texts[1].split()) > 0.8
    assert near(texts) == ([], list(range(len(texts))))


def test_other_numbers_ask_something_else() -> None:
    texts = [f"how many apples has ann if she buys {n} and gives 3 of them away" for n in range(40)]
    assert near(texts).pairs == []


def test_order_of_words_counts() -> None:
    assert near(["is varn larger than lorn", "is lorn larger than varn"]).pairs == []


def test_scripts_without_spaces_are_compared_by_sign() -> None:
    texts = ["描述泰姬陵的建筑风格", "请描述泰姬陵的建筑风格", "描述长城的历史和用途是什么"]
    assert [pair[:2] for pair in near(texts).pairs] == [(0, 1)]


def test_a_crowd_of_copies_is_one_group() -> None:
    rng, words = Random(1), planted_rows.vocabulary(5000)
    text = rng.choices(words, k=40)
    crowd = {
        " ".join([*text[:at], word, *text[at + 1 :]])
        for at in range(0, 40, 10)
        for word in words[:10]
    }
    pairs = near(sorted(crowd)).pairs
    assert set(groups(pairs, len(crowd))) == {0}


def test_the_same_pairs_on_every_machine() -> None:
    made = planted_rows.planted(2000, every=10)
    assert near(made.texts).pairs == near(made.texts).pairs


@pytest.mark.parametrize("texts", [[], [""], ["", "a"], ["a", "b", "c d"]])
def test_few_or_empty_texts_pair_with_nothing(texts: list[str]) -> None:
    assert near(texts).pairs == []


def test_pairs_are_looked_for_among_some_while_all_tell_the_template() -> None:
    made = planted_rows.planted(200, every=2)
    some = [*range(0, 40), *range(200, 220)]
    pairs = near(made.texts, among=some).pairs
    assert {pair[:2] for pair in pairs} == {(2 * n, 200 + n) for n in range(20)}


def test_only_texts_that_are_nearly_the_same_pair() -> None:
    texts = planted_rows.planted(300, every=1000).texts[:300]
    half = [
        " ".join([*text.split()[:-8], *texts[n - 1].split()[:8]]) for n, text in enumerate(texts)
    ]
    assert planted_rows.likeness(texts[1].split(), half[1].split()) > 0.5
    assert all(pair.likeness >= 0.8 for pair in near([*texts, *half]).pairs)


def test_half_of_what_no_template_says_must_agree() -> None:
    template = " ".join(planted_rows.vocabulary(40, seed=2))
    words = planted_rows.vocabulary(600, seed=3)
    texts = [
        f"{template} {words[n]}en {words[n + 1]}en {words[n + 200]}{end} {words[n + 400]}{end}"
        for n in range(0, 200, 2)
        for end in ("on", "an")
    ]
    assert planted_rows.likeness(texts[0].split(), texts[1].split()) > 0.8
    assert near(texts).pairs == []
