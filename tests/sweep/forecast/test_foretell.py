"""What is told of a plan from what earlier plans have measured."""

import foresee
import numpy as np
import pytest
from settings import changed

from epochwise.config import ONE_DEVICE
from epochwise.sweep.forecast.foretell import foretold
from epochwise.sweep.forecast.measure import Workers, lengths_file, timing_file
from epochwise.sweep.forecast.timing import keep
from epochwise.sweep.forecast.workload import Steps
from epochwise.sweep.slots import Slot

SLOTS = [Slot(None, 1)]
LENGTHS = [[20] * 12, [10] * 22]


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


@pytest.fixture
def known(experiment):
    """Keeps row lengths, and seconds of a step, of the experiment with these changes."""

    def of(changes, seconds, **parts):
        run = changed(experiment, changes)
        keep(lengths_file(run), [LENGTHS])
        timing = foresee.TIMING._replace(step=seconds, step_token=0.5, **parts)
        largest = Steps(np.array(LENGTHS[1]), 8, 0).largest()
        keep(timing_file(run, largest, SLOTS), [list(timing)])

    return of


def told(experiment, changes, config=ONE_DEVICE):
    plan = foresee.outlook(experiment, changes).left
    return foretold(plan, config, Workers(None, SLOTS), price_per_hour=3600.0)


def test_a_trunk_takes_what_was_kept(experiment, known):
    known({}, 2.0)
    whole = told(experiment, [{}]).estimate
    assert (whole.steps, whole.tokens, whole.notes) == (6, 440, ())
    assert whole.seconds == whole.cost == 6 * 2 + 440 * 0.5


def test_ranks_between_two_are_told_from_both_and_it_is_said(experiment, known):
    known({"peft.r": 2}, 1.0)
    known({"peft.r": 34}, 3.0)
    found = told(experiment, [{"peft.r": rank} for rank in (2, 10, 34)])
    steps = {each.label.split()[3]: each.timing.step for each in found.forecasts}
    assert steps == {"r2": 1.0, "r10": 1.5, "r34": 3.0}
    (note,) = found.estimate.notes
    assert note.startswith("2 of 3 combinations of model, method, rank and batch size are timed")


def test_the_trunk_that_takes_longest_is_begun_first(experiment, known):
    changes = [{"peft.lora_dropout": dropout} for dropout in (0.0, 0.3)]
    known(changes[0], 3.0)
    known(changes[1], 1.0)
    found = told(experiment, changes[::-1])
    assert [each.timing.step for each in found.forecasts] == [3.0, 1.0]


def test_an_adapter_of_another_rank_takes_room_by_its_rank(experiment, known):
    known({"peft.r": 16}, 2.0, adapter_bytes=800.0)
    found = told(experiment, [{"peft.r": rank} for rank in (16, 8, 4)]).forecasts
    known_size = found[0].timing.run_bytes
    assert [each.timing.run_bytes - known_size for each in found] == [0, -400, -600]
    assert found[0].timing.keep_bytes - found[2].timing.keep_bytes == 3 * 600
    assert {each.timing.step for each in found} == {2.0}


def test_a_larger_model_is_told_by_the_size_of_its_files(experiment, known):
    known({}, 1.0)
    keep(lengths_file(changed(experiment, {"model.path": "world:4m"})), [LENGTHS])
    large, small = told(experiment, [{}, {"model.path": "world:4m"}]).forecasts
    assert 2 < large.timing.step / small.timing.step < 8


def test_rows_of_many_seeds_are_read_for_a_few(experiment, known):
    for seed in range(3):
        known({"data.seed": seed}, 1.0)
    found = told(experiment, [{"data.seed": seed} for seed in range(5)])
    assert found.estimate.tokens == 5 * 440
    assert "rows are read for 3 values of data.seed; those of 2 more are taken" in " ".join(
        found.estimate.notes
    )


def test_devices_share_the_rows_of_a_step(experiment, known):
    known({}, 2.0)
    devices = ONE_DEVICE.model_copy(update={"devices": 2})
    whole = told(experiment, [{}], devices).estimate
    assert whole.seconds == 6 * 2 + 440 * 0.5 / 2
    assert "trainer.devices=2" in whole.notes[0]


def test_what_is_not_on_the_disk_is_not_known_and_says_why(experiment, known):
    known({}, 2.0)
    away = {"model.path": "hub:nobody/nothing"}
    found = told(experiment, [{}, away])
    assert [each.timing is None for each in found.forecasts] == [False, True]
    whole = found.estimate
    assert (whole.steps, whole.tokens, whole.seconds, whole.disk) == (12, None, None, None)
    assert "model.path=hub:nobody/nothing: is not on this machine's disk" in whole.notes[0]
