import math

import pytest

from epochwise.config import Experiment, Schedule, TrainConfig
from epochwise.train.schedule import cooldown_steps, schedule


@pytest.fixture
def train(experiment: Experiment) -> TrainConfig:
    return experiment.train.model_copy(update={"warmup_steps": 4})


def with_schedule(train: TrainConfig, kind: Schedule, warmup: int) -> TrainConfig:
    return train.model_copy(update={"schedule": kind, "warmup_steps": warmup})


def test_a_constant_schedule_does_not_know_how_long_the_run_is(train: TrainConfig) -> None:
    short, long = (schedule(train, total) for total in (8, 800))
    assert [short(step) for step in range(1, 9)] == [long(step) for step in range(1, 9)]
    assert [short(step) for step in (1, 2, 4, 8)] == [0.25, 0.5, 1.0, 1.0]


@pytest.mark.parametrize("kind", ["cosine", "linear"])
def test_a_falling_schedule_is_half_way_down_in_the_middle(
    train: TrainConfig, kind: Schedule
) -> None:
    share = schedule(with_schedule(train, kind, 0), 100)
    assert share(1) == 1.0
    assert share(51) == pytest.approx(0.5)
    assert 0 < share(100) < 0.02


@pytest.mark.parametrize("kind", ["constant", "wsd", "cosine", "linear"])
def test_the_peak_is_reached_when_warm_up_ends(train: TrainConfig, kind: Schedule) -> None:
    share = schedule(with_schedule(train, kind, 5), 20)
    assert share(4) == 0.8
    assert share(5) == share(6) == 1.0


def test_wsd_keeps_its_rate_and_falls_over_the_last_fifth(train: TrainConfig) -> None:
    wsd = with_schedule(train, "wsd", 0)
    share = schedule(wsd, 15)
    assert cooldown_steps(wsd, 15) == 3
    assert [share(step) for step in range(1, 13)] == [1.0] * 12
    falling = [1 - math.sqrt(part / 4) for part in (1, 2, 3)]
    assert [share(step) for step in (13, 14, 15)] == pytest.approx(falling)
    assert falling[1] == pytest.approx(0.2929, abs=1e-4)


def test_a_short_wsd_run_cools_down_for_a_step_and_never_during_its_warm_up(
    train: TrainConfig,
) -> None:
    assert cooldown_steps(with_schedule(train, "wsd", 0), 2) == 1
    assert cooldown_steps(with_schedule(train, "wsd", 4), 4) == 0
