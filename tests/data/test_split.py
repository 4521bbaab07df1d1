from collections import Counter
from collections.abc import Callable

import pytest

from epochwise.data.formats import Message, Row
from epochwise.data.split import normalised_prompt, split

MakeRow = Callable[..., Row]


@pytest.fixture
def rows(row: MakeRow) -> list[Row]:
    """60 rows: 40 of 10 sources, and 20 that stand alone."""
    of_sources = [row(f"q{n}", source=f"passage {n % 10}") for n in range(40)]
    return of_sources + [row(f"q{n}") for n in range(40, 60)]


def test_validation_is_the_same_at_every_size_and_subsets_are_nested(rows: list[Row]) -> None:
    parts = [split(rows, size=size, val_size=10, seed=3) for size in (1, 7, 30)]
    assert parts[0].val == parts[1].val == parts[2].val
    assert parts[2].train[:7] == parts[1].train
    assert parts[1].train[:1] == parts[0].train


def test_no_training_row_shares_source_or_prompt_with_validation(row: MakeRow) -> None:
    # a-b share a source, b-c a prompt, so a, b and c are one group of three; 27 stand alone
    chain = [row("A", source="s"), row("B?", source="s"), row("b", output="other")]
    rows = chain + [row(f"q{n}") for n in range(27)]
    for seed in range(30):
        parts = split(rows, size=15, val_size=10, seed=seed)
        assert parts.group[:3] == [0, 0, 0]
        assert not {parts.group[n] for n in parts.val} & {parts.group[n] for n in parts.train}
        assert not set(parts.val) & set(parts.train)


def test_groups_are_taken_whole_so_few_rows_are_lost(rows: list[Row]) -> None:
    parts = split(rows, size=40, val_size=16, seed=0)
    in_val = Counter(parts.group[n] for n in parts.val)
    sizes = Counter(parts.group)
    assert sum(in_val[group] < sizes[group] for group in in_val) <= 1  # the last may be cut


def test_the_seed_decides(rows: list[Row]) -> None:
    first, again, other = (split(rows, size=10, val_size=10, seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert set(first.val) != set(other.val)


def test_a_row_that_repeats_prompt_and_answer_is_left_out(row: MakeRow) -> None:
    rows = [row("What is it?", "Red"), row("what  is it", "Red "), row("What is it?", "Blue")]
    parts = split([*rows, row("Else")], size=1, val_size=2, seed=1)
    assert 1 not in parts.train + parts.val
    assert len(set(parts.train + parts.val)) == 3


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("What is it?", "what  is\nit", True),
        ("ＡＢＣ，好吗？", "abc好吗", False),  # a comma parts words
        ("ＡＢＣ，好吗？", "abc 好吗!", True),
        ("straße", "STRASSE", True),
        ("6*2", "6/2", False),
        ("3 + 4", "3 - 4", False),
        ("कि", "का", False),
    ],
)
def test_prompts_are_compared_without_case_width_and_punctuation(
    one: str, other: str, same: bool, row: MakeRow
) -> None:
    assert (normalised_prompt(row(one)) == normalised_prompt(row(other))) is same


def test_the_prompt_is_all_that_the_model_reads(row: MakeRow) -> None:
    plain = row("go on", input="x")
    assert normalised_prompt(plain) == "go on x"
    for changed in ({"system": "s"}, {"history": (("a", "b"),)}, {"input": "y"}):
        other = row("go on", **{"input": "x"} | changed)
        assert normalised_prompt(other) != normalised_prompt(plain)
    assert normalised_prompt(plain._replace(tools=('{"name": "find"}',))) != normalised_prompt(
        plain
    )


def test_a_document_is_its_own_prompt() -> None:
    one, same, other = (Row((Message("text", text),)) for text in ("It rains.", "it rains", "No"))
    assert normalised_prompt(one) == normalised_prompt(same) != normalised_prompt(other)


def test_rows_that_do_not_fit_are_passed_over_and_subsets_stay_nested(rows: list[Row]) -> None:
    def fits(n: int) -> bool:
        return n % 3 > 0

    small, large = (split(rows, size=size, val_size=8, seed=0, fits=fits) for size in (5, 20))
    assert small.val == large.val
    assert large.train[:5] == small.train
    assert all(map(fits, large.val + large.train))


def test_only_rows_whose_turn_came_are_asked_whether_they_fit(rows: list[Row]) -> None:
    asked: list[int] = []

    def fits(n: int) -> bool:
        asked.append(n)
        return True

    parts = split(rows, size=5, val_size=8, seed=0, fits=fits)
    assert asked == parts.val + parts.train


def test_too_few_rows_are_counted_and_the_remedy_fits(row: MakeRow) -> None:
    rows = [row(f"q{n}") for n in range(10)] + [row("q0")]
    with pytest.raises(
        ValueError, match="data.val_size=4 and data.size=7, but of 11 rows"
    ) as caught:
        split(rows, size=7, val_size=4, seed=0)
    assert "(1 repeat another) 4 can validate and 6 can then train" in str(caught.value)
    assert "set data.size=6 or lower" in str(caught.value)
    assert len(split(rows, size=6, val_size=4, seed=0).train) == 6
    with pytest.raises(
        ValueError, match="10 can validate and 0 can then train: lower data.val_size"
    ):
        split(rows, size=1, val_size=10, seed=0)


def test_one_source_for_all_rows_is_named_as_the_reason(row: MakeRow) -> None:
    rows = [row(f"q{n}", source="sharegpt") for n in range(10)]
    with pytest.raises(ValueError, match="the 10 rows that share a source or a prompt stay on one"):
        split(rows, size=5, val_size=2, seed=0)
