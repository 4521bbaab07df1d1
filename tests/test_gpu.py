"""What a CUDA device changes. `make gpu`; skipped where there is none."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from bitsandbytes.nn.modules import Linear4bit
from settings import changed
from transformers import LlamaConfig, LlamaForCausalLM

from epochwise.cli import main
from epochwise.config import ONE_DEVICE, Experiment
from epochwise.experiment import Manner, run_trunk
from epochwise.model.dequantised import Dequantised
from epochwise.record import Record, Tick, is_done, run_folder
from epochwise.world import model_folder

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]


@pytest.fixture(scope="module")
def billion(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Llama of 1B parameters with random weights and the world's tokenizer."""
    folder = tmp_path_factory.mktemp("billion")
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=2048,
        hidden_size=2048,
        intermediate_size=8192,
        num_hidden_layers=16,
        num_attention_heads=32,
        num_key_value_heads=8,
        max_position_embeddings=512,
        tie_word_embeddings=True,
    )
    with torch.device("cuda"):
        LlamaForCausalLM(config).bfloat16().save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        shutil.copy(model_folder("1m") / name, folder)
    return folder


@pytest.mark.parametrize("weights", ["nf4", "int8", "bf16"])
def test_a_billion_parameters_train_in_each_weights_format(
    experiment: Experiment, billion: Path, tmp_path: Path, weights: str
) -> None:
    model = {"model.path": str(billion), "model.weights": weights}
    run = changed(experiment, model | {"train.learning_rate": 4e-4})
    run_trunk({"run": run}, tmp_path, on_step=lambda tick: None)
    record = Record.load(run_folder(tmp_path, "run") / "record.json")
    assert record.curve[-1].probe < record.curve[0].probe
    assert 0 < record.summary.peak_memory < 40


def test_a_run_on_a_trunk_equals_the_same_run_alone(
    experiment: Experiment, billion: Path, tmp_path: Path
) -> None:
    long = changed(experiment, {"model.path": str(billion), "model.weights": "bf16"})
    short = changed(long, {"train.epochs": 1})
    for name, runs in {"trunk": {"short": short, "long": long}, "alone": {"short": short}}.items():
        run_trunk(runs, tmp_path / name, on_step=lambda tick: None)
    trunk, alone = (
        Record.load(run_folder(tmp_path / name, "short") / "record.json")
        for name in ("trunk", "alone")
    )
    assert trunk.curve == alone.curve
    assert trunk.summary.adapter_digest == alone.summary.adapter_digest


def test_a_short_sweep_runs_on_the_device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    small = ["data.size=16", "data.val_size=8", "train.epochs=1,2", "peft.r=2,4", "track=none"]
    assert main(["sweep", *small]) == 0
    done = [folder for folder in tmp_path.glob("multirun/*/*/runs/*") if is_done(folder)]
    assert len(done) == 4


def test_a_study_resumed_equals_one_that_was_never_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = ["sweep", "data.size=16", "data.val_size=8", "peft.r=2,4", "peft.lora_dropout=0.1"]
    plans = {"whole": ["1,3"], "resumed": ["1", "1,3"]}
    records: dict[str, dict[str, Record]] = {}
    for name, steps in plans.items():
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        for epochs in steps:
            assert main([*small, f"train.epochs={epochs}", "study=resumable", "track=none"]) == 0
        files = (tmp_path / name).glob("multirun/resumable/*/runs/*/record.json")
        records[name] = {record.id: record for record in map(Record.load, files)}
    assert records["whole"].keys() == records["resumed"].keys()
    for run_id, whole in records["whole"].items():
        assert records["resumed"][run_id].curve == whole.curve
        assert records["resumed"][run_id].summary.adapter_digest == whole.summary.adapter_digest


@pytest.mark.parametrize("weights", ["nf4", "bf16"])
def test_a_run_stopped_at_a_step_resumes_bit_for_bit(
    experiment: Experiment, billion: Path, tmp_path: Path, weights: str
) -> None:
    run = changed(experiment, {"model.path": str(billion), "model.weights": weights})
    run_trunk({"run": run}, tmp_path / "whole")
    whole = Record.load(run_folder(tmp_path / "whole", "run") / "record.json")

    def stop_at(step: int) -> Callable[[Tick], None]:
        def tell(tick: Tick) -> None:
            if tick.step == step:
                raise KeyboardInterrupt

        return tell

    every_step = Manner(config=ONE_DEVICE.model_copy(update={"checkpoint_seconds": 0}))
    for step in range(1, whole.summary.steps + 1):
        folder = tmp_path / str(step)
        with pytest.raises(KeyboardInterrupt):
            run_trunk({"run": run}, folder, on_step=stop_at(step), manner=every_step)
        run_trunk({"run": run}, folder)
        record = Record.load(run_folder(folder, "run") / "record.json")
        assert record.curve == whole.curve
        assert record.summary.adapter_digest == whole.summary.adapter_digest


@pytest.mark.parametrize("rows", [4, 64])
def test_dequantised_weights_give_the_numbers_of_nf4(rows: int) -> None:
    torch.manual_seed(0)
    plain = Linear4bit(512, 256, bias=False, compute_dtype=torch.bfloat16, quant_type="nf4").cuda()
    kept = Dequantised(plain)
    results = []
    for linear in (plain, kept):
        x = torch.linspace(-1, 1, rows * 32 * 512, device="cuda").view(rows, 32, 512)
        x.requires_grad_(True)
        with torch.autocast("cuda", dtype=torch.bfloat16):
            y = linear(x)
        y.float().square().sum().backward()
        results.append((y.detach(), x.grad))
    assert torch.equal(results[0][0], results[1][0])
    assert torch.equal(results[0][1], results[1][1])
