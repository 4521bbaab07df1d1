from epochwise.data.order import order, rows_until, steps_of_rows, steps_per_epoch


def test_the_first_pass_takes_the_rows_as_they_stand_whatever_the_seed() -> None:
    assert list(order(0, 1, 5)) == list(order(7, 1, 5)) == [0, 1, 2, 3, 4]


def test_later_orders_depend_on_seed_and_epoch_alone() -> None:
    assert order(0, 2, 10) == [0, 1, 7, 8, 3, 6, 5, 2, 9, 4]  # recorded: must never change
    assert order(0, 2, 10) == order(0, 2, 10)
    assert order(0, 3, 10) != order(0, 2, 10) != order(1, 2, 10)
    assert sorted(order(7, 3, 100)) == list(range(100))


def test_steps_that_are_asked_for_in_pieces_are_those_of_the_whole() -> None:
    whole = list(steps_of_rows(3, 11, batch_size=4, first=1, last=9))
    assert [len(step) for step in whole] == [4, 4, 3] * 3
    for first in range(1, 10):
        for last in range(first, 10):
            piece = steps_of_rows(3, 11, batch_size=4, first=first, last=last)
            assert list(piece) == whole[first - 1 : last]


def test_rows_are_counted_over_all_epochs() -> None:
    lengths = [len(step) for step in steps_of_rows(3, 11, batch_size=4, first=1, last=7)]
    for step in range(8):
        assert rows_until(step, rows=11, batch_size=4) == sum(lengths[:step])
    assert steps_per_epoch(11, 4) == 3
