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
from omegaconf import DictConfig


@dataclass
class LauncherConf:
    _target_: str = "hydra_plugins.epochwise.launcher.StudyLauncher"
    jobs: int | None = None
    fresh: bool = False
    command: str = "epochwise"


@dataclass
class SweeperConf:
    _target_: str = "hydra_plugins.epochwise.launcher.GridSweeper"
    params: dict[str, Any] = field(default_factory=dict)


STORE = ConfigStore.instance()
STORE.store(group="hydra/launcher", name="epochwise_launcher", node=LauncherConf)
STORE.store(group="hydra/sweeper", name="epochwise", node=SweeperConf)


class StudyLauncher(Launcher):
    """Composes and checks every job, then carries them all out as one study."""

    loader: ConfigLoader
    config_name: str

    def __init__(self, jobs: int | None, fresh: bool, command: str) -> None:
        self.jobs = jobs
        self.fresh = fresh
        self.command = command

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        self.loader = hydra_context.config_loader
        self.config_name = config.hydra.job.config_name

    def launch(
        self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int
    ) -> Sequence[JobReturn]:
        from epochwise.compose.check import checked
        from epochwise.sweep.study import carry_out

        plan = checked(self.loader, self.config_name, job_overrides)
        for reason in plan.skipped:
            print(f"left out: {reason}")
        status = carry_out(
            plan.configs,
            overrides=plan.overrides,
            command=self.command,
            jobs=self.jobs,
            fresh=self.fresh,
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
