import os
import time

import pytest
import works
from settings import changed

from epochwise.record import write_json
from epochwise.sweep.forecast.measure import RESULT, Request, Workers
from epochwise.sweep.local import fork_server
from epochwise.sweep.slots import Slot

LIGHT = ("epochwise.record",)


def tell(job, left, on_step, stop):
    """Leaves who measured when; sizes with a way to fail of their own do."""
    (run,) = left.values()
    if run.data.size in works.WAYS:
        works.by_size(job, left, on_step, stop)
    begin = time.time()
    time.sleep(0.5)
    write_json(job.home / RESULT, [os.getpid(), begin, time.time()])


@pytest.fixture
def requests(experiment, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def of(*sizes):
        return [
            Request(str(size), changed(experiment, {"data.size": size}), tmp_path / f"{size}.json")
            for size in sizes
        ]

    return of


def workers(count):
    return Workers(fork_server(LIGHT), [Slot(None, 1)] * count)


def test_one_thing_is_measured_on_all_slots_at_the_same_time(requests):
    found = workers(2).found("x", tell, requests(3), least=2)
    (one, other) = found.values["3"]
    assert one[0] != other[0]
    assert max(one[1], other[1]) < min(one[2], other[2])
    assert found.problems == {}


def test_what_was_measured_is_kept_and_not_measured_again(requests):
    first = workers(1).found("x", tell, requests(3), least=1)
    again = workers(1).found("x", tell, requests(3, 4), least=1)
    assert again.values["3"] == first.values["3"]
    assert again.values.keys() == {"3", "4"}
    assert Workers(None, []).found("x", tell, requests(3), least=1).values == first.values


def test_what_fails_is_told_and_harms_nothing_else(requests):
    found = workers(1).found("x", tell, requests(14, 12, 13, 3), least=1)
    assert found.values.keys() == {"3"}
    assert found.problems["14"] == "data.size=14: there are only 9 rows"
    assert found.problems["12"] == "measuring failed: RuntimeError: the device is on fire"
    assert found.problems["13"] == "measuring failed: last words"


def test_without_workers_nothing_is_measured(requests):
    found = Workers(None, []).found("x", tell, requests(3), least=1)
    assert found.values == {}
    assert "not timed yet: `epochwise plan`" in found.problems["3"]
