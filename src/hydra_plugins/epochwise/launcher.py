"""Hands all runs of a Hydra multirun to one study. Imported at every start of Hydra: keep light."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.config_store import ConfigStore
from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf


@dataclass
class LauncherConf:
    """The keys that every launcher has."""

    _target_: str = "hydra_plugins.epochwise.launcher.StudyLauncher"
    executor: str = "epochwise"
    n_jobs: int | None = None
    fresh: bool = False
    timeout: float | None = None
    retries: int = 0
    on_failure: str = "continue"
    guard: bool = False
    seeds_where_needed: int = 0
    command: str = "epochwise"


@dataclass
class RayLauncherConf(LauncherConf):
    address: str | None = None
    num_cpus: int = 1
    num_gpus: float | None = None


@dataclass
class SlurmLauncherConf(LauncherConf):
    cluster: str = "slurm"
    partition: str | None = None
    account: str | None = None
    qos: str | None = None
    timeout_min: int = 240
    max_num_timeout: int = 10
    signal_delay_s: int = 120
    cpus_per_task: int = 4
    gpus_per_node: int | None = None
    mem_gb: float | None = None
    setup: list[str] = field(default_factory=list)
    additional_parameters: Any = None


@dataclass
class SweeperConf:
    _target_: str = "hydra_plugins.epochwise.launcher.GridSweeper"
    params: dict[str, Any] = field(default_factory=dict)


STORE = ConfigStore.instance()
STORE.store(group="hydra/launcher", name="epochwise_launcher", node=LauncherConf)
STORE.store(group="hydra/launcher", name="ray_launcher", node=RayLauncherConf)
STORE.store(group="hydra/launcher", name="slurm_launcher", node=SlurmLauncherConf)
STORE.store(group="hydra/sweeper", name="epochwise", node=SweeperConf)


class StudyLauncher(Launcher):
    """Composes and checks every job, then carries them all out as one study."""

    loader: ConfigLoader
    config_name: str

    def __init__(self, **settings: Any) -> None:
        """`settings`: the fields of LauncherConf, or of another one's."""
        self.settings = settings

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        self.loader = hydra_context.config_loader
        self.config_name = config.hydra.job.config_name

    def launch(
        self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int
    ) -> Sequence[JobReturn]:
        from epochwise.compose.check import checked
        from epochwise.sweep.launch import launch_of
        from epochwise.sweep.study import carry_out

        plan = checked(self.loader, self.config_name, job_overrides)
        for reason in plan.skipped:
            print(f"left out: {reason}")
        settings = OmegaConf.to_container(OmegaConf.create(self.settings))
        assert isinstance(settings, dict)
        status = carry_out(
            plan.configs,
            overrides=plan.overrides,
            launch=launch_of({str(key): value for key, value in settings.items()}),
            skipped=plan.skipped,
        )
        if status:
            # A failed JobReturn would make Hydra print a traceback of its own and exit with 1;
            # carry_out has already told what failed, and its status says more.
            raise SystemExit(status)
        return []


class GridSweeper(Sweeper):
    """The product of all axes, as one batch.

    Hydra's own sweeper composes every job once before the launcher does, and leaves a
    multirun.yaml in a folder that is not the study's.
    """

    def __init__(self, params: dict[str, Any]) -> None:
        self.params = params

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        self.hydra_context = hydra_context
        self.config = config
        self.launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )

    def sweep(self, arguments: list[str]) -> Any:
        from epochwise.compose.grid import spelled
        from epochwise.compose.overrides import setting
        from epochwise.compose.study import axes

        assert self.hydra_context is not None
        assert self.launcher is not None
        loader = self.hydra_context.config_loader
        settings = [setting(text, loader) for text in [*axes(self.params), *arguments]]
        return self.launcher.launch(spelled(settings), 0)
