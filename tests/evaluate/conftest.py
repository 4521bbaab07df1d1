"""One tiny trained run for all tests of evaluation, and its base model."""

from pathlib import Path

import pytest
from short_study import SETTINGS, two_runs

from epochwise.config import Experiment, ModelConfig
from epochwise.evaluate.questions import Rows, training_rows
from epochwise.model.pretrained import Pretrained, load_pretrained
from epochwise.model.ranks import ALONE
from epochwise.record import run_folder


@pytest.fixture(scope="session")
def world_1m() -> Pretrained:
    config = ModelConfig(name="world_1m", path="world:1m", weights="fp32", template="own")
    return load_pretrained(config, ALONE.device)


@pytest.fixture(scope="session")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """On the world itself, whose every question takes its time to make."""
    return two_runs(tmp_path_factory.mktemp("study"), "world")


@pytest.fixture(scope="session")
def file_study(tmp_path_factory: pytest.TempPathFactory, rows_file: Path) -> Path:
    return two_runs(tmp_path_factory.mktemp("study"), str(rows_file))


@pytest.fixture(scope="session")
def world(world_1m: Pretrained) -> Rows:
    data = Experiment.model_validate(SETTINGS).data
    larger = data.model_copy(update={"size": 200, "val_size": 200})
    return training_rows(larger, world_1m.tokenizer)


@pytest.fixture
def run(study: Path) -> Path:
    return run_folder(study, "two")
