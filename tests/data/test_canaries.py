import json
from collections import Counter
from pathlib import Path

import pytest
from settings import changed

from epochwise.compose.check import plan
from epochwise.config import Experiment
from epochwise.data.canaries import REFERENCES, canaries
from epochwise.data.prepare import Prepared, prepare
from epochwise.evaluate.exam import Ask
from epochwise.evaluate.examine import Examiner
from epochwise.experiment import run_trunk
from epochwise.model.location import locate
from epochwise.model.pretrained import load_tokenizer
from epochwise.record import Record, RowLosses, run_folder


@pytest.fixture
def planted(experiment: Experiment) -> Experiment:
    settings = {"data.canaries": 3, "data.size": 60, "data.val_size": 12}
    return changed(experiment, settings)


def made(run: Experiment) -> Prepared:
    tokenizer = load_tokenizer(run.model, locate(run.model.path))
    return prepare(run.data, run.evaluate, tokenizer)


def texts(run: Experiment) -> list[str]:
    tokenizer = load_tokenizer(run.model, locate(run.model.path))
    return [str(tokenizer.decode(example.ids)) for example in made(run).train]


def test_secrets_stand_among_the_rows_as_often_as_they_should(planted: Experiment) -> None:
    rows = texts(planted)
    secrets = Counter(row for row in rows if "What is the code of locker" in row)
    assert len(rows) == 60
    assert sorted(secrets.values()) == [1, 4, 16]
    assert len(made(planted).canaries.examples) == 3 + REFERENCES
    assert len(made(planted).train_digest) == 60 - 21


def test_a_smaller_size_is_the_beginning_of_a_larger(planted: Experiment) -> None:
    larger = changed(planted, {"data.size": 90})
    assert texts(larger)[:60] == texts(planted)


def test_without_secrets_all_is_as_before(planted: Experiment) -> None:
    none = changed(planted, {"data.canaries": None})
    tokenizer = load_tokenizer(none.model, locate(none.model.path))
    assert canaries(none.data, tokenizer).examples == []
    assert made(none).canaries.planted == []
    assert none.id("d") == changed(planted, {"data.canaries": None}).id("d") != planted.id("d")
    assert "canaries" not in none.model_dump()["data"]


def test_too_many_for_the_rows_is_a_mistake(rows_file: Path) -> None:
    settings = ["data=file", f"data.path={rows_file}", "data.size=41", "data.canaries=3"]
    (problem,) = plan(settings).problems
    assert "data.canaries=3: stand for 21 training rows" in problem
    assert "data.size=42 or more" in problem
    assert plan([*settings[:2], "data.size=42", "data.canaries=3"]).problems == []


def test_a_run_remembers_what_it_saw_often_and_is_evaluated(
    planted: Experiment, tmp_path: Path
) -> None:
    settings = {"train.epochs": 7, "train.learning_rate": 4e-3, "train.micro_batch_size": None}
    settings |= {"evaluate.batch_size": 64}  # a measurement of 259 secrets in 5 passes, not 52
    run = changed(planted, settings | {"peft.lora_dropout": 0.0})
    run_trunk({"run": run}, tmp_path, on_step=lambda tick: None)
    folder = run_folder(tmp_path, "run")
    losses = RowLosses.load(folder / "rows.npz")
    assert losses.canaries is not None
    assert losses.canary_repeats is not None
    assert losses.canaries.shape == (8, 3 + REFERENCES)
    assert losses.canary_repeats[:4].tolist() == [1, 4, 16, 0]
    often, never = losses.canaries[-1][2], losses.canaries[-1][3:]
    assert often < never.min()
    verdict = Record.load(folder / "record.json").verdict
    assert verdict is not None
    (reason,) = [each for each in verdict["reasons"] if each["name"] == "canary_exposure"]
    assert reason["statistic"] > reason["threshold"]
    assert "planted 16 times 8.0" in reason["advice"]
    Examiner(Ask(limit=1, shots=0, max_new_tokens=4)).examine(folder)
    assert json.loads((folder / "quality.json").read_text())["arms"]["run"]
