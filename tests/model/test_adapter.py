import pytest
import torch
from llama import tiny_llama
from settings import changed
from torch import nn

from epochwise.config import Experiment
from epochwise.model.adapter import add_adapter, build_optimizer, trainable


def weights(model: nn.Module) -> list[torch.Tensor]:
    return [parameter.detach().clone() for _, parameter in trainable(model)]


def test_the_start_depends_on_the_seed_and_on_nothing_drawn_before(experiment: Experiment) -> None:
    starts = []
    for seed, drawn in ((0, 0), (0, 5), (1, 0)):
        model = tiny_llama(layers=3)
        torch.rand(drawn)
        starts.append(weights(add_adapter(model, experiment.peft, seed=seed, total_steps=1)))
    assert all(torch.equal(a, b) for a, b in zip(starts[0], starts[1], strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(starts[0], starts[2], strict=True))


def test_all_of_the_model_is_in_training_mode_and_only_the_adapter_learns(
    experiment: Experiment,
) -> None:
    model = add_adapter(tiny_llama(layers=3), experiment.peft, seed=0, total_steps=1)
    assert all(module.training for module in model.modules())
    assert all("lora_" in name for name, _ in trainable(model))
    assert all(parameter.dtype == torch.float32 for _, parameter in trainable(model))


def test_the_last_layers_learn_and_the_others_do_not(experiment: Experiment) -> None:
    method = {"name": "last_layers", "peft_type": "LAST_LAYERS", "layers": 2}
    run = changed(experiment, {"peft": method})
    model = add_adapter(tiny_llama(layers=3), run.peft, seed=0, total_steps=1)
    assert {name.split(".")[2] for name, _ in trainable(model)} == {"1", "2"}


def test_more_layers_than_there_are_is_a_mistake(experiment: Experiment) -> None:
    method = {"name": "last_layers", "peft_type": "LAST_LAYERS", "layers": 4}
    run = changed(experiment, {"peft": method})
    with pytest.raises(ValueError, match=r"peft.layers=4: the base model has 3 layers"):
        add_adapter(tiny_llama(layers=3), run.peft, seed=0, total_steps=1)


def test_lora_plus_gives_b_a_rate_of_its_own(experiment: Experiment) -> None:
    run = changed(experiment, {"peft.loraplus_lr_ratio": 16, "peft.lora_dropout": 0.0})
    model = add_adapter(tiny_llama(layers=3), run.peft, seed=0, total_steps=1)
    optimizer = build_optimizer(model, run.peft, learning_rate=1e-3, weight_decay=0.0)
    names = {id(parameter): name for name, parameter in trainable(model)}
    rates = {
        "lora_B" in names[id(parameter)]: group["lr"]
        for group in optimizer.param_groups
        for parameter in group["params"]
    }
    assert rates == {False: 1e-3, True: pytest.approx(16e-3)}
