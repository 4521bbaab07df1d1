"""Runs that a study's own finding asks for: the learning-rate guard, seeds where they matter."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import cycle, islice
from typing import Any, NamedTuple

from epochwise.config import Config
from epochwise.data.rows import digest
from epochwise.diagnose.finding import Finding
from epochwise.diagnose.guard import DOUBLE, HALF

HIGHEST_RATE = 1.0  # that train.learning_rate may be


class Further(NamedTuple):
    guard: bool
    """Run the recommended setting at half and at twice its learning rate."""
    seeds: int
    """Further seeds to spend, in turn on the settings where they tell most."""

    @property
    def asked(self) -> bool:
        return self.guard or self.seeds > 0

    def runs(self, finding: Finding, configs: Mapping[str, Config]) -> list[Config]:
        """What is to be run beside these; run id -> config."""
        guards = self._guards(finding, configs) if self.guard else []
        return [*guards, *self._seeds(finding, configs)]

    def _guards(self, finding: Finding, configs: Mapping[str, Config]) -> list[Config]:
        config = configs.get(finding.run or "")
        if config is None:  # of an earlier command on this study, with other settings
            return []
        rates = [config.train.learning_rate * by for by in (HALF, DOUBLE)]
        return [_changed(config, learning_rate=rate) for rate in rates if rate <= HIGHEST_RATE]

    def _seeds(self, finding: Finding, configs: Mapping[str, Config]) -> list[Config]:
        needs = [] if finding.next_seeds is None else finding.next_seeds.cells
        known = [configs[need.run] for need in needs if need.run in configs]
        unused = [_unused(config, list(configs.values())) for config in known]
        return [next(seeds) for seeds in islice(cycle(unused), self.seeds)]


def by_id(configs: Sequence[Config]) -> dict[str, Config]:
    """The configs under the ids of their runs."""
    digests = {config.data.places: digest(config.data) for config in configs}
    return {config.experiment.id(digests[config.data.places]): config for config in configs}


def _unused(config: Config, configs: Sequence[Config]) -> Iterator[Config]:
    """The config with one seed after the other that it was not run with yet."""
    own = _changed(config, seed=0)
    used = {each.train.seed for each in configs if _changed(each, seed=0) == own}
    seed = 0
    while True:
        if seed not in used:
            yield _changed(config, seed=seed)
        seed += 1


def _changed(config: Config, **train: Any) -> Config:
    return config.model_copy(update={"train": config.train.model_copy(update=train)})
