import pytest

from epochwise.config import Schedule
from epochwise.train.schedule import schedule


def test_a_constant_schedule_does_not_know_how_long_the_run_is() -> None:
    short, long = (schedule("constant", warmup=4, total=total) for total in (8, 800))
    assert [short(step) for step in range(1, 9)] == [long(step) for step in range(1, 9)]
    assert [short(step) for step in (1, 2, 4, 8)] == [0.25, 0.5, 1.0, 1.0]


@pytest.mark.parametrize("kind", ["cosine", "linear"])
def test_a_falling_schedule_is_half_way_down_in_the_middle(kind: Schedule) -> None:
    share = schedule(kind, warmup=0, total=100)
    assert share(1) == 1.0
    assert share(51) == pytest.approx(0.5)
    assert 0 < share(100) < 0.02


@pytest.mark.parametrize("kind", ["constant", "cosine", "linear"])
def test_the_peak_is_reached_when_warm_up_ends(kind: Schedule) -> None:
    share = schedule(kind, warmup=5, total=20)
    assert share(4) == 0.8
    assert share(5) == share(6) == 1.0
