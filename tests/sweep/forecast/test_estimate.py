import pytest

from epochwise.sweep.forecast.estimate import GIB, Forecast, Terms, estimate, wall_time
from epochwise.sweep.forecast.timing import Timing, between, mean
from epochwise.sweep.forecast.workload import Batches, Split, Workload

NOTHING = Timing(*[0.0] * len(Timing._fields))
NEVER = 1e9  # seconds between checkpoints
SECOND_A_STEP = NOTHING._replace(step=1.0)


def forecast(steps, model="m", timing=SECOND_A_STEP, **work):
    return Forecast("t", "a run", model, 1, Workload(steps=steps, exits=1, **work), timing, NEVER)


def test_seconds_are_those_of_every_part():
    timing = Timing(
        load=1000.0,  # a worker's, not a trunk's
        begin=1.0,
        fit=2.0,
        step=3.0,
        step_token=0.5,
        measure=5.0,
        batch=6.0,
        batch_token=0.25,
        leave=8.0,
        keep=9.0,
        peak_memory=0.5,
        run_bytes=1000.0,
        point_bytes=100.0,
        line_bytes=10.0,
        keep_bytes=5000.0,
    )
    work = Workload(
        steps=7,
        tokens=20,
        stretches=2,
        measurements=3,
        batches=4,
        batch_tokens=40,
        exits=2,
        points=6,
        lines=9,
        branches=0,
        ends=1,
        end_lines=7,
    )
    trunk = Forecast("t", "a run", "m", 2, work, timing, NEVER)
    training = 1 + 2 * 2 + 7 * 3 + 20 * 0.5 + 3 * 5 + 4 * 6 + 40 * 0.25 + 2 * 8
    assert trunk.seconds == training + 9
    runs = 2 * 1000 + 6 * 100 + 9 * 10
    assert trunk.disk == (runs + 5000 + 7 * 10) / GIB

    often = trunk._replace(checkpoint_seconds=training / 3)
    assert often.seconds == training + 9 * (1 + 3)
    assert often.disk == (runs + 2 * 5000 + 7 * 10) / GIB, "the end, and the newest beside it"
    assert trunk._replace(checkpoint_seconds=0.0).checkpoints == 7, "after every step"
    endless = often._replace(workload=work._replace(ends=0, end_lines=0))
    assert endless.disk == (runs + 2 * 5000) / GIB


def test_trunks_are_begun_in_turn_by_the_first_worker_that_is_free():
    trunks = [forecast(steps) for steps in (5, 3, 2, 2)]
    assert wall_time(trunks, Terms(workers=1, preload=0.0)) == 12
    assert wall_time(trunks, Terms(workers=2, preload=0.0)) == 7  # 5 + 2 beside 3 + 2
    assert wall_time(trunks, Terms(workers=9, preload=4.0)) == 9
    assert wall_time([], Terms(workers=2, preload=4.0)) == 0


def test_a_worker_loads_a_model_once_for_trunks_in_a_row():
    timing = SECOND_A_STEP._replace(load=10.0)
    trunks = [forecast(1, model, timing) for model in ("m", "m", "n", "m")]
    assert wall_time(trunks, Terms(workers=1, preload=0.0)) == 4 + 3 * 10


def test_the_untuned_model_is_measured_once_unless_two_begin_together():
    timing = SECOND_A_STEP._replace(batch=1.0)
    split = Split("m", "rows", Batches(4, 0))
    trunks = [forecast(6, timing=timing, untuned=(split,)) for _ in range(3)]
    assert wall_time(trunks, Terms(workers=1, preload=0.0)) == 3 * 6 + 4
    assert wall_time(trunks, Terms(workers=3, preload=0.0)) == 6 + 4


def test_a_study_is_the_sum_of_its_trunks_and_as_large_as_the_largest():
    trunks = [
        forecast(3600, timing=SECOND_A_STEP._replace(peak_memory=0.5, run_bytes=GIB), tokens=7),
        forecast(1800, timing=SECOND_A_STEP._replace(peak_memory=0.75, run_bytes=GIB), tokens=8),
    ]
    whole = estimate(trunks, Terms(2, 0.0, price_per_hour=2.5), known_rows=True, notes=["so"])
    assert (whole.runs, whole.trunks, whole.steps, whole.tokens) == (2, 2, 5400, 15)
    assert (whole.seconds, whole.cost) == (3600, 2.5)
    assert (whole.peak_memory, whole.disk) == (0.75, 2)
    assert whole.notes == ("so",)
    assert estimate(trunks, Terms(2, 0.0), known_rows=True).cost is None


def test_one_trunk_of_unknown_speed_leaves_the_whole_unknown():
    whole = estimate([forecast(3), forecast(4, timing=None)], Terms(1, 0.0, 9.0), known_rows=False)
    assert (whole.steps, whole.runs) == (7, 2)
    unknown = (whole.seconds, whole.peak_memory, whole.disk, whole.cost, whole.tokens)
    assert unknown == (None,) * 5


def test_timings_are_averaged_and_interpolated():
    low, high = SECOND_A_STEP, SECOND_A_STEP._replace(step=3.0, peak_memory=4.0)
    assert mean([low, high]).step == 2
    assert between(low, high, 0.25) == SECOND_A_STEP._replace(step=1.5, peak_memory=1.0)
    assert high.scaled(2.0).step == pytest.approx(6)
