import pytest
import torch
from examples import example_of

from epochwise.data.batch import Batch, Step, batches, collate, steps
from epochwise.data.order import order

EXAMPLES = [example_of(list(range(10, 10 + n)), n // 2) for n in (2, 7, 4, 9, 3, 6, 5)]


def epoch_steps(*, epoch: int = 1, batch_size: int = 3) -> list[Step]:
    length = -(-len(EXAMPLES) // batch_size)
    first, last = (epoch - 1) * length + 1, epoch * length
    sizes = {"seed": 5, "batch_size": batch_size, "first": first, "last": last}
    return list(steps(EXAMPLES, pad_id=0, **sizes))


def rows_of(step: Step) -> list[int]:
    return step.batch.row.tolist()


def test_rows_are_padded_on_the_right_and_only_answers_are_scored() -> None:
    batch = collate([example_of([5, 6], 1), example_of([7, 8, 9, 3], 2)], [1, 0], pad_id=99)
    assert batch.input_ids.tolist() == [[7, 8, 9, 3], [5, 6, 99, 99]]
    assert batch.attention_mask.tolist() == [[1, 1, 1, 1], [1, 1, 0, 0]]
    assert batch.scored.tolist() == [[False, False, True, True], [False, True, False, False]]
    assert batch.row.tolist() == [1, 0]


def test_a_batch_is_no_longer_than_its_longest_row() -> None:
    assert collate(EXAMPLES, [0, 2], pad_id=0).input_ids.shape == (2, 4)


def test_a_pad_token_that_is_also_a_token_stays_visible_where_it_is_one() -> None:
    batch = collate([example_of([5, 2], 1), example_of([5, 5, 2], 1)], [0, 1], pad_id=2)
    assert batch.attention_mask.tolist() == [[1, 1, 0], [1, 1, 1]]
    assert batch.scored.tolist() == [[False, True, False], [False, True, True]]


def test_an_epoch_has_every_row_once_and_a_smaller_last_step() -> None:
    made = epoch_steps()
    assert [len(rows_of(step)) for step in made] == [3, 3, 1]
    assert sorted(row for step in made for row in rows_of(step)) == list(range(7))
    assert [set(rows_of(step)) for step in made] == [
        set(list(order(5, 1, 7))[start : start + 3]) for start in (0, 3, 6)
    ]


def test_steps_are_counted_over_the_whole_training() -> None:
    assert [(step.number, step.epoch) for step in epoch_steps(epoch=3)] == [(7, 3), (8, 3), (9, 3)]


@pytest.mark.parametrize("size", [1, 2, 3, 8])
def test_micro_batches_are_what_collating_their_rows_alone_would_give(size: int) -> None:
    for step in epoch_steps(batch_size=5):
        rows = rows_of(step)
        pieces = step.micro(size)
        expected = [
            collate(EXAMPLES, rows[at : at + size], pad_id=0) for at in range(0, len(rows), size)
        ]
        assert len(pieces) == len(expected)
        for piece, alone in zip(pieces, expected, strict=True):
            assert all(torch.equal(a, b) for a, b in zip(piece, alone, strict=True))


def test_a_step_counts_scored_and_real_tokens() -> None:
    (step,) = epoch_steps(batch_size=7)
    assert step.seen == 2 + 7 + 4 + 9 + 3 + 6 + 5
    assert step.tokens == 1 + 4 + 2 + 5 + 2 + 3 + 3
    assert step.tokens == int(step.batch.scored.sum())
    assert step.seen == int(step.batch.attention_mask.sum())


def test_rows_of_like_length_share_a_micro_batch() -> None:
    (step,) = epoch_steps(batch_size=7)
    shapes = [tuple(batch.input_ids.shape) for batch in step.micro(2)]
    assert shapes == [(2, 9), (2, 6), (2, 4), (1, 2)]


def test_measuring_takes_every_row_once_by_length() -> None:
    made: list[Batch] = list(batches(EXAMPLES, batch_size=3, pad_id=0))
    assert [batch.row.tolist() for batch in made] == [[3, 1, 5], [6, 2, 4], [0]]
