from pathlib import Path

import pytest
import torch
from peft import PeftModel
from settings import changed
from transformers import AutoModelForCausalLM

from epochwise.compose.check import plan
from epochwise.config import Experiment
from epochwise.experiment import run_trunk
from epochwise.record import Record, is_done, run_folder
from epochwise.world import model_folder

METHODS = sorted((Path(__file__).parents[1] / "conf" / "peft").glob("*.yaml"))


@pytest.mark.parametrize("file", METHODS, ids=lambda file: file.stem)
def test_each_method_learns_in_two_epochs_and_is_left_for_plain_peft(
    file: Path, experiment: Experiment, tmp_path: Path
) -> None:
    (composed,) = plan([f"peft={file.stem}"]).configs
    method = {"peft": composed.peft.model_dump(), "model.weights": composed.model.weights}
    run = changed(experiment, method)
    run_trunk({"run": run}, tmp_path, on_step=lambda tick: None)
    folder = run_folder(tmp_path, "run")
    record = Record.load(folder / "record.json")
    assert is_done(folder)
    assert len(record.curve) == 3
    assert record.curve[-1].probe != record.curve[0].probe
    assert record.summary.trainable_parameters > 0
    if run.peft.peft_type not in ("FULL", "LAST_LAYERS"):
        base = AutoModelForCausalLM.from_pretrained(model_folder("1m"), dtype=torch.float32)
        adapted = PeftModel.from_pretrained(base, str(folder / "adapter"))
        ids = torch.arange(5, 25)[None]
        trained = adapted(input_ids=ids).logits
        untrained = AutoModelForCausalLM.from_pretrained(model_folder("1m"), dtype=torch.float32)(
            input_ids=ids
        ).logits
        assert torch.isfinite(trained).all()
        assert not torch.equal(trained[:, -1], untrained[:, -1])
