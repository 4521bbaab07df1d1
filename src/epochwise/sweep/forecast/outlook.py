"""What a sweep would run and cost: `epochwise plan`, which trains nothing and leaves nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from epochwise.config import Config
from epochwise.record import JSON
from epochwise.sweep.executors import PRELOAD, slots_for
from epochwise.sweep.forecast.estimate import Forecast
from epochwise.sweep.forecast.foretell import Foretold, foretold
from epochwise.sweep.forecast.measure import Workers
from epochwise.sweep.launch import Launch
from epochwise.sweep.local import fork_server
from epochwise.sweep.plan import Plan, plan
from epochwise.sweep.reuse import done_elsewhere
from epochwise.sweep.slots import Slot, slots


@dataclass(frozen=True)
class Outlook:
    """A study before it runs."""

    study: str
    command: str
    """The sweep's."""
    asked: Plan
    left: Plan
    """Without the runs that are done already."""
    done: Mapping[str, Path]
    """Run id -> its folder, in whichever study it was trained."""
    foretold: Foretold
    skipped: Sequence[str]
    """Why runs that were asked for are left out."""
    slot: Slot
    """What one trunk has of this machine."""
    swept: tuple[str, ...]
    """The keys that were given several values, as one types them."""

    def json(self) -> JSON:
        """Plain JSON: what `--json` prints. Times are seconds, memory and room GiB."""
        trunk_of = {run: trunk.id for trunk in self.left.trunks for run in trunk.runs}
        return {
            "study": self.study,
            "command": self.command,
            "estimate": self.foretold.estimate.json(),
            "row_passes_asked": self.left.row_passes_asked,
            "duplicates": self.asked.duplicates,
            "skipped": list(self.skipped),
            "not_shared": list(self.left.not_shared),
            "axes": self.asked.axes,
            "trunks": [_trunk(each) for each in self.foretold.forecasts],
            "runs": [
                {
                    "id": run.id,
                    "label": run.label,
                    "overrides": run.overrides,
                    "trunk": trunk_of.get(run.id),
                    "done_in": str(self.done[run.id]) if run.id in self.done else None,
                }
                for run in self.asked.runs
            ],
        }


def outlook(
    configs: list[Config],
    overrides: list[dict[str, Any]],
    launch: Launch,
    *,
    skipped: Sequence[str] = (),
    price_per_hour: float | None = None,
) -> Outlook:
    """The same study as `study.carry_out` would train; a few steps are timed, if need be."""
    first = configs[0]
    devices = first.trainer.devices
    asked = plan(configs, overrides, slots=slots_for(launch, len(configs), devices))
    home = Path(first.folder)
    wanted = [] if launch.fresh else [run.id for run in asked.runs]
    done = done_elsewhere(home, wanted, apart_from=home)
    left = asked.without(done, slots_for(launch, len(asked.runs), devices))
    workers = _workers(launch, len(left.trunks), devices)
    return Outlook(
        study=first.study,
        command=launch.command,
        asked=asked,
        left=left,
        done=done,
        foretold=foretold(left, first.trainer, workers, price_per_hour),
        skipped=skipped,
        slot=workers.slots[0],
        swept=tuple(overrides[0]),
    )


def _workers(launch: Launch, trunks: int, devices: int) -> Workers:
    """Workers like those that would train; what this machine takes says nothing of a cluster."""
    if launch.where is not None:
        return Workers(None, [Slot(None, 1)] * slots_for(launch, trunks, devices))
    return Workers(fork_server(PRELOAD), slots(launch.n_jobs, trunks, each=devices))


def _trunk(forecast: Forecast) -> JSON:
    work, timing = forecast.workload, forecast.timing
    return {
        "id": forecast.trunk,
        "label": forecast.label,
        "runs": forecast.runs,
        "steps": work.steps,
        "row_passes": work.row_passes,
        "tokens": work.tokens or None,
        "measurements": work.measurements,
        "seconds": forecast.seconds,
        "peak_memory": None if timing is None else timing.peak_memory,
        "disk": forecast.disk,
    }
