"""How a study is launched: nothing here changes a number."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal

from epochwise.sweep.further import Further
from epochwise.sweep.supervisor import Policy


@dataclass(frozen=True)
class RayCluster:
    """The keys that hydra/launcher=ray adds."""

    address: str | None
    """HOST:PORT; `auto` for the cluster that this machine is in; None to start one on it."""
    num_cpus: int
    """For each trunk."""
    num_gpus: float | None
    """For each trunk; None for trainer.devices, where the cluster has any."""


@dataclass(frozen=True)
class SlurmQueue:
    """The keys that hydra/launcher=slurm adds."""

    cluster: Literal["slurm", "local"]
    """`local` carries the jobs out on this machine."""
    timeout_min: int
    max_num_timeout: int
    """Times that one job may come to its time limit and be queued again."""
    signal_delay_s: int
    """Seconds ahead of the limit at which the state is kept."""
    cpus_per_task: int
    gpus_per_node: int | None
    setup: tuple[str, ...]
    """Shell lines before each job."""
    request: Mapping[str, Any]
    """The rest, as submitit takes it."""


@dataclass(frozen=True)
class Launch:
    """The keys of hydra.launcher, and what was typed."""

    command: str = "epochwise"
    n_jobs: int | None = None
    """Trunks at a time; None for as many as there is room for."""
    fresh: bool = False
    """Train anew what is done already."""
    timeout: float | None = None
    """Seconds for one attempt at a trunk."""
    retries: int = 0
    on_failure: Literal["continue", "stop"] = "continue"
    guard: bool = False
    """Afterwards, run the recommended setting also at half and at twice its learning rate."""
    seeds_where_needed: int = 0
    """Further seeds to spend afterwards on the settings that deserve them."""
    where: RayCluster | SlurmQueue | None = None
    """None for this machine."""

    @property
    def further(self) -> Further:
        return Further(self.guard, self.seeds_where_needed)

    @property
    def policy(self) -> Policy:
        return Policy(self.timeout, self.retries, self.on_failure)


OWN = {field.name for field in fields(Launch)}
SLURM = {field.name for field in fields(SlurmQueue)}


def launch_of(settings: Mapping[str, Any]) -> Launch:
    """What hydra.launcher says: `executor` tells whose the keys are that not all have."""
    common = {key: value for key, value in settings.items() if key in OWN}
    rest = {key: value for key, value in settings.items() if key not in OWN | {"executor"}}
    match settings["executor"]:
        case "ray":
            return Launch(**common, where=RayCluster(**rest))
        case "slurm":
            own = {key: value for key, value in rest.items() if key in SLURM}
            own["setup"] = tuple(own["setup"])
            request = {key: value for key, value in rest.items() if key not in SLURM}
            return Launch(**common, where=SlurmQueue(**own, request=request))
        case _:
            return Launch(**common)
