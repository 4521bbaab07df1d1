"""Tasks of the user's own, asked by the real harness of a real run and its base."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from short_study import two_runs

from epochwise.cli import main
from epochwise.evaluate.harness import Harness
from epochwise.model.pretrained import load_pretrained
from epochwise.model.ranks import ALONE
from epochwise.quality import BASE, RUN, Quality
from epochwise.train.folder import load_experiment

ANSWERS = ["red", "blue"]
QUESTIONS = [f"What colour is stone number {number}?" for number in range(6)]
FEW = ["--limit", "4", "--shots", "0", "--max-new-tokens", "8"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, rows_file: Path) -> Path:
    study = two_runs(tmp_path_factory.mktemp("study"), str(rows_file))
    return sorted(study.glob("runs/*"))[0]


@pytest.fixture
def tasks(tmp_path: Path) -> Path:
    """A folder with one task, `stones`."""
    folder = tmp_path / "tasks"
    folder.mkdir()
    rows = [
        {"question": question, "answer": number % 2} for number, question in enumerate(QUESTIONS)
    ]
    data = tmp_path / "stones.jsonl"
    data.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    task = {
        "task": "stones",
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": {"test": str(data)}},
        "test_split": "test",
        "output_type": "multiple_choice",
        "doc_to_text": "{{question}}",
        "doc_to_choice": ANSWERS,
        "doc_to_target": "answer",
        "metric_list": [{"metric": "acc", "aggregation": "mean", "higher_is_better": True}],
    }
    (folder / "stones.yaml").write_text(json.dumps(task), encoding="utf-8")
    return folder


def test_the_bases_accuracy_is_that_of_its_likelier_answers(run: Path, tasks: Path) -> None:
    found = Harness(("stones",), tasks).scores(run)
    base = load_pretrained(load_experiment(run).model, ALONE.device)
    right = [
        max((0, 1), key=lambda one: likelihood(base, question, f" {ANSWERS[one]}")) == number % 2
        for number, question in enumerate(QUESTIONS)
    ]
    measure = found.arms[BASE]["stones"]["acc"]
    assert measure.value == pytest.approx(sum(right) / len(right))
    assert measure.n == len(QUESTIONS)
    assert measure.low < measure.value < measure.high
    assert found.arms[RUN]["stones"]["acc"].n == len(QUESTIONS)
    assert found.version.startswith("lm-eval ")


def likelihood(base: object, question: str, answer: str) -> float:
    tokenizer, model = base.tokenizer, base.model  # type: ignore[attr-defined]
    asked = tokenizer(question, add_special_tokens=False).input_ids
    whole = tokenizer(question + answer, add_special_tokens=False).input_ids
    with torch.no_grad():
        scores = model(input_ids=torch.tensor([whole])).logits[0].log_softmax(dim=-1)
    return float(sum(scores[at - 1, whole[at]] for at in range(len(asked), len(whole))))


def test_the_command_keeps_what_was_found_and_does_not_ask_twice(
    run: Path, tasks: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asks = ["evaluate", str(run), *FEW, "--tasks", "stones", "--tasks-in", str(tasks)]
    assert main(asks) == 0
    told = capsys.readouterr().out
    assert "stones acc: " in told
    assert "untuned " in told
    kept = Quality.load(run).tasks
    assert kept is not None
    assert (kept.tasks, kept.limit) == (("stones",), 4)
    assert kept.arms[RUN]["stones"]["acc"].n == 4
    shutil.rmtree(tasks)  # it would be missed, were the tasks asked again
    assert main(asks) == 0
    assert Quality.load(run).tasks == kept


def test_mistakes_are_told(run: Path, tasks: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", str(run), *FEW, "--tasks", "stons", "--tasks-in", str(tasks)]) == 2
    assert "--tasks stons: no such task; did you mean 'stones'?" in capsys.readouterr().err
    missing = tasks / "absent"
    assert main(["evaluate", str(run), *FEW, "--tasks", "x", "--tasks-in", str(missing)]) == 2
    assert f"--tasks-in {missing}: is no folder" in capsys.readouterr().err
    (tasks.parent / "stones.jsonl").write_text('{"question": 1}\nnothing\n', encoding="utf-8")
    asks = ["--tasks", "stones", "--tasks-in", str(tasks), "--limit", "3"]
    assert main(["evaluate", str(run), *FEW, *asks]) == 2
    assert "--tasks stones: their data cannot be had" in capsys.readouterr().err
