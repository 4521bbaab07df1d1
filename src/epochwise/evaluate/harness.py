"""Tasks of the Language Model Evaluation Harness, for a run and its untuned base."""

import contextlib
import importlib.util
import logging
import math
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from epochwise.config import ModelConfig
from epochwise.data.problems import nearest
from epochwise.evaluate.interval import mean
from epochwise.evaluate.scores import INSTALL
from epochwise.model.pretrained import Pretrained, fresh, load_pretrained
from epochwise.model.ranks import ALONE
from epochwise.model.saved import load_adapter
from epochwise.quality import BASE, RUN, Measure, Measures, TaskScores
from epochwise.train.folder import home, load_experiment

if TYPE_CHECKING:
    from lm_eval.tasks import TaskManager

STANDARD_ERROR = "_stderr"
LIKELY = 1.96  # standard errors: 19 times in 20


@dataclass
class Harness:
    """Asks runs the same tasks; a base model is asked once for all runs that share it."""

    tasks: tuple[str, ...]
    folder: Path | None = None
    """Of the user's own tasks, YAML files as the harness reads them."""
    limit: int | None = None
    """Questions of each task; None for all."""
    batch_size: int = 8
    _bases: dict[ModelConfig, dict[str, Measures]] = field(default_factory=dict)

    def scores(self, folder: Path) -> TaskScores:
        """What a run and its base reach.

        Raises:
            ValueError: The harness is not installed, knows no such task, or cannot get its data.
        """
        manager = self._manager()
        experiment = load_experiment(folder)
        with contextlib.chdir(home(folder.resolve())):
            pretrained = load_pretrained(experiment.model, ALONE.device)
        base = fresh(pretrained.model, experiment.peft)
        tuned = load_adapter(base, experiment.peft, folder / "adapter")
        arms = {RUN: self._scores(tuned, pretrained, experiment.model, manager)}
        if experiment.model not in self._bases:
            base = fresh(pretrained.model, experiment.peft)
            found = self._scores(base, pretrained, experiment.model, manager)
            self._bases[experiment.model] = found
        return TaskScores(
            tasks=self.tasks,
            limit=self.limit,
            version=f"lm-eval {version('lm-eval')}",
            arms=arms | {BASE: self._bases[experiment.model]},
        )

    def is_answered_by(self, found: TaskScores | None) -> bool:
        return found is not None and (found.tasks, found.limit) == (self.tasks, self.limit)

    def _manager(self) -> "TaskManager":
        """The index of tasks; that of all the harness's own is read only where one is asked for."""
        if importlib.util.find_spec("lm_eval") is None:
            raise ValueError(f"--tasks needs lm-eval, which is not installed: {INSTALL}")
        from lm_eval.tasks import TaskManager

        if self.folder is not None and not self.folder.is_dir():
            raise ValueError(f"--tasks-in {self.folder}: is no folder")
        logging.getLogger("lm_eval").setLevel(logging.ERROR)
        own = TaskManager(include_path=self.folder, include_defaults=False)
        if set(self.tasks) <= set(own.all_tasks):
            return own
        every = TaskManager(include_path=self.folder)
        unknown = [name for name in self.tasks if name not in every.all_tasks]
        if unknown:
            told = [f"{name}: no such task{nearest(name, every.all_tasks)}" for name in unknown]
            raise ValueError("\n".join(f"--tasks {line}" for line in told))
        return every

    def _scores(
        self, model: Any, pretrained: Pretrained, config: ModelConfig, manager: "TaskManager"
    ) -> dict[str, Measures]:
        from datasets.exceptions import DatasetsError
        from lm_eval import simple_evaluate
        from lm_eval.models.huggingface import HFLM

        speaker = HFLM(
            pretrained=model.eval(),
            tokenizer=pretrained.tokenizer,
            batch_size=self.batch_size,
            mixed_precision_dtype=None if config.weights == "fp32" else "bfloat16",
        )
        try:
            with _only_people_see_bars():
                found = simple_evaluate(
                    speaker, tasks=list(self.tasks), task_manager=manager, limit=self.limit
                )
        except (OSError, DatasetsError) as error:
            names = ", ".join(self.tasks)
            raise ValueError(f"--tasks {names}: their data cannot be had: {error}") from error
        assert found is not None
        asked = found["samples"]
        results = found["results"].items()
        return {task: measures(fields, asked.get(task, [])) for task, fields in results}


def measures(fields: dict[str, Any], asked: Sequence[dict[str, Any]]) -> Measures:
    """The harness's numbers of one task; its names are `acc,none` and `acc_stderr,none`.

    Intervals come from the questions' own scores where the number is their mean, else from the
    harness's standard error. A group of tasks has no questions of its own.

    Example:
        >>> found = measures({"alias": "arc", "acc,none": 0.5}, [{"acc": 1.0}, {"acc": 0.0}])
        >>> found["acc"]
        Measure(value=0.5, low=0.0, high=1.0, n=2)
    """
    numbers = {name: value for name, value in fields.items() if "," in name}
    found: Measures = {}
    for name, value in numbers.items():
        metric, _, how = name.partition(",")
        if metric.endswith(STANDARD_ERROR) or not isinstance(value, int | float):
            continue
        scores = [one[metric] for one in asked if isinstance(one.get(metric), int | float)]
        label = metric if how == "none" else f"{metric} ({how})"
        if len(scores) == len(asked) > 0 and math.isclose(sum(scores) / len(scores), value):
            found[label] = mean(scores, [str(number) for number in range(len(scores))])
        else:
            error = numbers.get(f"{metric}{STANDARD_ERROR},{how}")
            half = LIKELY * error if isinstance(error, int | float) else math.nan
            found[label] = Measure(float(value), value - half, value + half, len(asked))
    return found


@contextlib.contextmanager
def _only_people_see_bars() -> Iterator[None]:
    """The harness draws progress bars whether or not anybody looks."""
    if sys.stderr.isatty():
        yield
        return
    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stderr(nowhere):
        yield


def sentences(found: TaskScores) -> list[str]:
    """One line a task and metric: the run beside its base.

    Example:
        >>> arms = {RUN: {"arc": {"acc": Measure(0.5, 0.4, 0.6, 9)}},
        ...         BASE: {"arc": {"acc": Measure(0.25, 0.2, 0.3, 9)}}}
        >>> sentences(TaskScores(("arc",), None, "lm-eval 0.4", arms))
        ['arc acc: 0.500 [0.400, 0.600], untuned 0.250 [0.200, 0.300]']
    """
    return [
        f"{task} {metric}: {measure.told(3)}, untuned {found.arms[BASE][task][metric].told(3)}"
        for task, kinds in found.arms[RUN].items()
        for metric, measure in kinds.items()
    ]


def harness(tasks: Sequence[str], folder: Path | None, limit: int | None) -> Harness | None:
    """None where no task is asked for."""
    return Harness(tuple(tasks), folder, limit) if tasks else None
