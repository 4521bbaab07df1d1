from pathlib import Path

import pytest
import torch

from epochwise.config import ModelConfig, PeftConfig
from epochwise.model.adapter import add_adapter, save_adapter, trainable
from epochwise.model.pretrained import fresh, load_pretrained
from epochwise.model.saved import load_adapter

BASE = ModelConfig(name="world_1m", path="world:1m", weights="fp32", template="own")
LORA = {"r": 4, "lora_alpha": 32, "target_modules": "all-linear"}
METHODS = {
    "LORA": LORA,
    "dora": LORA | {"use_dora": True},
    "pissa": LORA | {"init_lora_weights": "pissa"},
    "ADALORA": {"init_r": 4, "target_r": 2, "tinit": 1, "tfinal": 1}
    | {"target_modules": "all-linear"},
    "IA3": {"target_modules": ["k_proj", "down_proj"], "feedforward_modules": ["down_proj"]},
    "VERA": {"r": 8, "target_modules": ["q_proj", "o_proj"]},
    "PROMPT_TUNING": {"num_virtual_tokens": 4},
    "PREFIX_TUNING": {"num_virtual_tokens": 4},
    "FULL": {},
    "LAST_LAYERS": {"layers": 2},
}


@pytest.mark.parametrize("name", METHODS)
def test_a_saved_adapter_says_again_what_it_said(name: str, tmp_path: Path) -> None:
    kind = name if name.isupper() or "3" in name else "LORA"
    config = PeftConfig.model_validate({"name": name, "peft_type": kind} | METHODS[name])
    base = load_pretrained(BASE, torch.device("cpu")).model
    model = add_adapter(fresh(base, config), config, seed=1, total_steps=10)
    torch.manual_seed(0)
    with torch.no_grad():  # as if trained
        for _, parameter in trainable(model):
            parameter.add_(torch.randn_like(parameter), alpha=0.2)
    save_adapter(model, tmp_path / "adapter")
    again = load_adapter(fresh(base, config), config, tmp_path / "adapter")
    ids = {"input_ids": torch.tensor([[1, 50, 60, 70]]), "attention_mask": torch.ones(1, 4).long()}
    with torch.inference_mode():
        said, said_again, bare = (one.eval()(**ids).logits for one in (model, again, base))
    assert torch.allclose(said_again, said, atol=1e-4)
    assert not torch.allclose(said[:, -1], bare[:, -1], atol=1e-2)
    assert not [one for one in again.parameters() if one.requires_grad]


def test_weights_that_are_no_safetensors_are_not_looked_at(tmp_path: Path) -> None:
    config = PeftConfig.model_validate({"name": "lora", "peft_type": "LORA"} | LORA)
    base = load_pretrained(BASE, torch.device("cpu")).model
    save_adapter(add_adapter(fresh(base, config), config, seed=1, total_steps=1), tmp_path / "a")
    (tmp_path / "a" / "adapter_model.safetensors").rename(tmp_path / "a" / "adapter_model.bin")
    with pytest.raises(ValueError, match="holds no adapter_model.safetensors: give a run"):
        load_adapter(fresh(base, config), config, tmp_path / "a")
