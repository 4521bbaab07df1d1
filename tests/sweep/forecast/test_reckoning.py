import pytest
from settings import changed

from epochwise.config import ONE_DEVICE, Config
from epochwise.experiment import Manner, run_trunk
from epochwise.record import Study
from epochwise.sweep.forecast.measure import Workers
from epochwise.sweep.forecast.reckoning import is_worth_timing, reckoned, with_earlier
from epochwise.sweep.forecast.stopwatch import row_lengths
from epochwise.sweep.plan import plan
from epochwise.sweep.slots import Slot
from epochwise.sweep.worker import Job, Reporter

TRACK = {"name": "none", "mode": "auto", "project": "tests", "tags": []}


@pytest.fixture
def branching(experiment, tiny_base, tmp_path, monkeypatch):
    """A trunk that one size leaves after a step and two after another, and its study's folder."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    rest = {"study": "s", "question": "", "folder": "f", "skip_missing_models": False}
    rest |= {"track": TRACK, "trainer": ONE_DEVICE.model_dump()}
    sizes = [{"model.path": str(tiny_base), "data.size": size} for size in (8, 16, 22)]
    configs = [Config(**dict(changed(experiment, each)), **rest) for each in sizes]
    Study("s", "?", "epochwise sweep", {}, {}, ()).save(tmp_path)
    return plan(configs, sizes), tmp_path


def carried_out(left, folder, *, only=slice(None)):
    (trunk,) = left.trunks
    report = Reporter(Job(trunk, folder, 1, ONE_DEVICE), lambda: None)
    (folder / "trunks" / trunk.id).mkdir(parents=True)
    (folder / "log").mkdir()
    runs = dict(list(trunk.runs.items())[only])
    with reckoned(left, ONE_DEVICE, Workers(None, [Slot(None, 1)]), folder):
        run_trunk(runs, folder, on_step=report, manner=Manner(name=trunk.id))
    return Study.load(folder)


def test_what_branches_share_is_counted_once(branching, capsys):
    left, folder = branching
    study = carried_out(left, folder)
    train = row_lengths(left.trunks[0].runs[left.runs[2].id])[1]
    # Two passes of each size; the first 8 rows are shared by all three, the next 8 by two
    assert study.outcome["tokens"] == sum(train[:8]) + sum(train[:16]) + 2 * sum(train)
    assert (study.outcome["steps"], study.outcome["runs"], study.outcome["trunks"]) == (9, 3, 1)
    assert min(study.outcome[name] for name in ("seconds", "disk", "peak_memory")) > 0
    assert study.estimate["seconds"] is None
    assert "time and memory on 1 worker are not known" in capsys.readouterr().err


def test_what_did_not_finish_has_no_outcome(branching):
    left, folder = branching
    study = carried_out(left, folder, only=slice(1))
    assert study.estimate["runs"] == 3
    assert study.outcome is None


def test_a_command_that_trains_nothing_keeps_what_was_known(branching):
    left, folder = branching
    known = Study("s", "?", "", {}, {}, (), estimate={"seconds": 1.0}, outcome={"seconds": 2.0})
    known.save(folder)
    now = Study("s", "?", "", {}, {}, ())
    assert with_earlier(now, folder) == known
    nothing = left.without([run.id for run in left.runs])
    with reckoned(nothing, ONE_DEVICE, Workers(None, [Slot(None, 1)]), folder):
        pass
    assert Study.load(folder) == known
    assert with_earlier(now, folder / "new") == now


def test_only_long_studies_are_worth_timing_before_they_start(experiment, branching):
    left, _ = branching
    assert not is_worth_timing("s", left)
    (trunk,) = left.trunks
    long = type(left)(**vars(left) | {"trunks": (trunk._replace(steps=60),)})
    assert is_worth_timing("s", long)
    assert not is_worth_timing("train", long)
