"""Outlooks without workers: how fast this machine is said by the test."""

from pathlib import Path

from settings import changed

from epochwise.config import ONE_DEVICE, Config
from epochwise.sweep.forecast.estimate import Terms, estimate
from epochwise.sweep.forecast.foretell import Foretold, foretold
from epochwise.sweep.forecast.measure import Workers
from epochwise.sweep.forecast.outlook import Outlook
from epochwise.sweep.forecast.timing import Timing
from epochwise.sweep.plan import plan
from epochwise.sweep.slots import Slot

TRACK = {"name": "none", "mode": "auto", "project": "tests", "tags": []}
TIMING = Timing(*[0.0] * len(Timing._fields))._replace(step=60.0, peak_memory=2.0, run_bytes=2**30)


def outlook(experiment, changes, *, done=(), timing=TIMING, device=None, price=None):
    """Of the experiment with each of the changes, the runs numbered `done` being done."""
    rest = {"study": "s", "question": "", "folder": "f", "skip_missing_models": False}
    rest |= {"track": TRACK, "trainer": ONE_DEVICE.model_dump()}
    configs = [Config(**dict(changed(experiment, change)), **rest) for change in changes]
    asked = plan(configs, changes)
    folders = {asked.runs[n].id: Path(f"multirun/old/2026/runs/{n}") for n in done}
    left = asked.without(folders)
    slot = Slot(device, 4)
    told = foretold(left, ONE_DEVICE, Workers(None, [slot, slot]))
    if timing is not None:
        forecasts = tuple(each._replace(timing=timing) for each in told.forecasts)
        told = Foretold(
            estimate(forecasts, Terms(2, 0.0, price), known_rows=False, notes=told.estimate.notes),
            forecasts,
        )
    return Outlook(
        study="s",
        command="epochwise sweep",
        asked=asked,
        left=left,
        done=folders,
        foretold=told,
        skipped=["model.path=x: is not here"],
        slot=slot,
        swept=tuple(changes[0]),
    )
