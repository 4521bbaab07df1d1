import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from settings import changed

from epochwise.config import Experiment
from epochwise.experiment import run_trunk
from epochwise.record import Record, RowLosses, Tick, is_done, run_folder
from epochwise.world import model_folder


def trained(runs: dict[str, Experiment], folder: Path) -> dict[str, Record]:
    run_trunk(runs, folder, on_step=lambda tick: None)
    assert all(is_done(run_folder(folder, run_id)) for run_id in runs)
    return {name: Record.load(run_folder(folder, name) / "record.json") for name in runs}


def alone(experiment: Experiment, folder: Path) -> Record:
    return trained({"run": experiment}, folder)["run"]


def test_each_run_on_a_trunk_equals_the_same_run_alone(
    experiment: Experiment, tmp_path: Path
) -> None:
    exits = {f"e{n}": changed(experiment, {"train.epochs": n}) for n in (1, 2, 4)}
    trunk = trained(exits, tmp_path / "trunk")
    for name, run in exits.items():
        lone = trained({name: run}, tmp_path / name)[name]
        assert trunk[name].curve == lone.curve
        assert trunk[name].summary.adapter_digest == lone.summary.adapter_digest
        assert trunk[name].summary.tokens == lone.summary.tokens
        files = [run_folder(tmp_path / place, name) for place in ("trunk", name)]
        rows, adapters, journals = (
            [(folder / file).read_bytes() for folder in files]
            for file in ("rows.npz", "adapter/adapter_model.safetensors", "journal.jsonl")
        )
        assert rows[0] == rows[1]
        assert adapters[0] == adapters[1]
        assert journals[0] == journals[1]


def test_the_same_seed_gives_the_same_result_and_another_seed_another(
    experiment: Experiment, tmp_path: Path
) -> None:
    first, second = (alone(experiment, tmp_path / name) for name in ("a", "b"))
    other = alone(changed(experiment, {"train.seed": 1}), tmp_path / "c")
    assert first.curve == second.curve
    assert first.summary.adapter_digest == second.summary.adapter_digest
    assert first.curve[0] == other.curve[0]
    assert first.curve[1:] != other.curve[1:]


def test_what_others_draw_changes_nothing(experiment: Experiment, tmp_path: Path) -> None:
    quiet = alone(experiment, tmp_path / "quiet")
    run_trunk({"run": experiment}, tmp_path / "drawn", on_step=lambda tick: torch.rand(tick.step))
    drawn = Record.load(run_folder(tmp_path / "drawn", "run") / "record.json")
    assert drawn.curve == quiet.curve
    assert drawn.summary.adapter_digest == quiet.summary.adapter_digest


def test_what_an_earlier_attempt_left_is_gone(experiment: Experiment, tmp_path: Path) -> None:
    fresh = alone(experiment, tmp_path / "fresh")
    left = run_folder(tmp_path / "again", "run")
    (left / "adapter").mkdir(parents=True)
    (left / "journal.jsonl").write_text("half a li", encoding="utf-8")
    (left / "adapter" / "old.safetensors").touch()
    again = alone(experiment, tmp_path / "again")
    assert again.curve == fresh.curve
    assert not (left / "adapter" / "old.safetensors").exists()
    assert "half a li" not in (left / "journal.jsonl").read_text(encoding="utf-8")


@pytest.mark.parametrize("micro", [1, 4, 8])
def test_losses_do_not_depend_on_the_micro_batch(
    experiment: Experiment, tmp_path: Path, micro: int
) -> None:
    still = changed(experiment, {"peft.lora_dropout": 0.0, "train.micro_batch_size": 8})
    whole = alone(still, tmp_path / "whole")
    cut = changed(still, {"train.micro_batch_size": micro, "evaluate.batch_size": micro})
    for a, b in zip(whole.curve, alone(cut, tmp_path / "cut").curve, strict=True):
        assert b.val == pytest.approx(a.val, abs=1e-5)
        assert b.probe == pytest.approx(a.probe, abs=1e-5)


def test_dropout_is_on_in_training_and_off_in_measuring(
    experiment: Experiment, tmp_path: Path
) -> None:
    dropped = alone(experiment, tmp_path / "dropped")
    kept = alone(changed(experiment, {"peft.lora_dropout": 0.0}), tmp_path / "kept")
    assert dropped.curve[0] == kept.curve[0]
    assert dropped.curve[1] != kept.curve[1]


def test_the_curve_is_the_token_weighted_mean_of_the_rows(
    experiment: Experiment, tmp_path: Path
) -> None:
    record = alone(experiment, tmp_path)
    rows = RowLosses.load(run_folder(tmp_path, "run") / "rows.npz")
    means = rows.val.sum(axis=1, dtype="float64") / rows.val_tokens.sum()
    assert [point.val for point in record.curve] == pytest.approx(list(means))
    assert rows.val.shape == (3, 12)
    assert rows.probe.shape == (3, 10)


def test_training_lowers_the_probe_loss(experiment: Experiment, tmp_path: Path) -> None:
    curve = alone(changed(experiment, {"train.epochs": 4}), tmp_path).curve
    assert curve[-1].probe < curve[0].probe - 0.3


def test_every_step_is_told(experiment: Experiment, tmp_path: Path) -> None:
    ticks: list[Tick] = []
    run_trunk({"run": experiment}, tmp_path, on_step=ticks.append)
    assert [tick.step for tick in ticks] == [1, 2, 3, 4, 5, 6]
    assert {tick.steps for tick in ticks} == {6}


def test_nan_stops_the_run_before_the_update(experiment: Experiment, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(model_folder("1m"), broken)
    weights = load_file(broken / "model.safetensors")
    weights["model.norm.weight"][0] = float("nan")
    save_file(weights, broken / "model.safetensors", metadata={"format": "pt"})
    run = changed(experiment, {"model.path": str(broken)})
    with pytest.raises(FloatingPointError, match="step 1: loss nan.*train.learning_rate"):
        run_trunk({"run": run}, tmp_path, on_step=lambda tick: None)
    assert not is_done(run_folder(tmp_path, "run"))


@pytest.mark.parametrize("weights", ["nf4", "int8", "bf16"])
def test_quantised_weights_train_on_cpu(
    experiment: Experiment, tmp_path: Path, weights: str
) -> None:
    record = alone(changed(experiment, {"model.weights": weights}), tmp_path)
    assert record.curve[-1].probe < record.curve[0].probe


def test_thread_count_is_left_as_it_was(experiment: Experiment, tmp_path: Path) -> None:
    before = torch.get_num_threads()
    alone(experiment, tmp_path)
    assert torch.get_num_threads() == before
