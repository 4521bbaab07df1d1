"""What a training step does when memory runs out, or the loss is no number."""

from pathlib import Path

import pytest
import torch
from settings import changed

from epochwise.config import Experiment
from epochwise.data.batch import Batch
from epochwise.experiment import run_trunk
from epochwise.model import module
from epochwise.model.loss import response_nats
from epochwise.record import Record, run_folder
from epochwise.train import journal


def trained(run: Experiment, folder: Path) -> Record:
    run_trunk({"run": run}, folder)
    return Record.load(run_folder(folder, "run") / "record.json")


@pytest.fixture
def whole(experiment: Experiment) -> Experiment:
    """Without dropout, whose masks are drawn for each micro-batch."""
    return changed(experiment, {"peft.lora_dropout": 0.0, "train.micro_batch_size": None})


class Memory:
    """A device that holds no more than `rows` rows of a training step at once."""

    def __init__(self, rows: int) -> None:
        self.rows = rows
        self.refused = 0

    def nats(self, model: torch.nn.Module, head: torch.nn.Module, batch: Batch) -> torch.Tensor:
        if torch.is_grad_enabled() and len(batch.row) > self.rows:
            self.refused += 1
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return response_nats(model, head, batch)


def test_out_of_memory_halves_the_micro_batch_and_leaves_the_step_as_it_was(
    whole: Experiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut = trained(changed(whole, {"train.micro_batch_size": 2}), tmp_path / "cut")
    memory = Memory(rows=3)
    monkeypatch.setattr(module, "response_nats", memory.nats)
    halved = trained(whole, tmp_path / "halved")
    assert memory.refused == 2  # 8 and 4 rows; 2 fit, and stay for all later steps
    assert halved.summary.micro_batch_size == 2
    assert halved.summary.steps == cut.summary.steps
    for a, b in zip(cut.curve, halved.curve, strict=True):
        assert b.val == pytest.approx(a.val, abs=1e-6)
    rows = journal.read(run_folder(tmp_path / "halved", "run") / "journal.jsonl")
    told = [row for row in rows if row["kind"] == "micro_batch"]
    assert [(row["step"], row["micro_batch_size"]) for row in told] == [(1, 2)]


def test_memory_that_does_not_hold_one_row_ends_the_run_with_what_to_do(
    whole: Experiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "response_nats", Memory(rows=0).nats)
    with pytest.raises(MemoryError, match="step 1: memory runs out with 1 rows.*data.max_tokens"):
        trained(whole, tmp_path)


class Spoilt:
    """Losses of which the ones asked for, counted from 1, are no numbers."""

    def __init__(self, *spoilt: int) -> None:
        self.spoilt = spoilt
        self.count = 0

    def nats(self, model: torch.nn.Module, head: torch.nn.Module, batch: Batch) -> torch.Tensor:
        nats = response_nats(model, head, batch)
        if not torch.is_grad_enabled():
            return nats
        self.count += 1
        return nats * float("nan") if self.count in self.spoilt else nats


def test_steps_without_a_number_are_left_out_as_often_as_allowed(
    whole: Experiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    patient = changed(whole, {"train.max_skipped_steps": 2})
    monkeypatch.setattr(module, "response_nats", Spoilt(2, 5).nats)
    record = trained(patient, tmp_path)
    assert record.summary.skipped_steps == 2
    assert record.curve[-1].probe < record.curve[0].probe
    rows = journal.read(run_folder(tmp_path, "run") / "journal.jsonl")
    steps = [row for row in rows if row["kind"] == "step"]
    assert [row["step"] for row in steps] == [1, 2, 3, 4, 5, 6]
    assert [row["step"] for row in steps if row["loss"] is None] == [2, 5]
    assert [row["step"] for row in rows if row["kind"] == "skipped"] == [2, 5]


def test_one_step_more_stops_the_run_before_its_update(
    whole: Experiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    patient = changed(whole, {"train.max_skipped_steps": 1})
    monkeypatch.setattr(module, "response_nats", Spoilt(2, 5).nats)
    with pytest.raises(FloatingPointError, match="step 5: loss nan"):
        trained(patient, tmp_path)
