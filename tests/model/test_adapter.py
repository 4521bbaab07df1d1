import pytest
import torch
from adapted import Learner, learner, learnt, same
from llama import tiny_llama
from safetensors.torch import load, save
from settings import changed
from torch import nn

from epochwise.config import Experiment, PeftConfig
from epochwise.model.adapter import (
    adapter_state,
    add_adapter,
    build_optimizer,
    optimizer_state,
    restore_adapter,
    restore_optimizer,
    trainable,
)
from epochwise.model.pretrained import fresh

STEPS = 8
LORA = {"peft_type": "LORA", "r": 4, "lora_alpha": 8, "target_modules": "all-linear"}
METHODS = {
    "lora": LORA,
    "lora_plus": LORA | {"loraplus_lr_ratio": 16},
    "last_layers": {"peft_type": "LAST_LAYERS", "layers": 2},
    "full": {"peft_type": "FULL"},
    "prompt": {"peft_type": "PROMPT_TUNING", "num_virtual_tokens": 4},
}
ADALORA = {  # ranks stay until step 2, fall at 3, 4 and 5, and are final from 6 on
    "peft_type": "ADALORA",
    "init_r": 4,
    "target_r": 2,
    "tinit": 2,
    "tfinal": 2,
    "deltaT": 1,
    "lora_alpha": 8,
    "target_modules": "all-linear",
}


def method(arguments: dict[str, object]) -> PeftConfig:
    return PeftConfig.model_validate({"name": "method"} | arguments)


def after(config: PeftConfig, steps: int) -> Learner:
    made = learner(tiny_llama(layers=3), config, steps=STEPS)
    for number in range(1, steps + 1):
        made.step(number)
    return made


def continued(config: PeftConfig, stopped: Learner, *, done: int) -> Learner:
    """A model built anew that goes on where the other stopped; the state goes through bytes."""
    made = learner(tiny_llama(layers=3), config, steps=STEPS)
    restore_adapter(made.model, load(save(adapter_state(stopped.model))))
    restore_optimizer(made.optimizer, load(save(optimizer_state(stopped.optimizer))))
    for number in range(done + 1, STEPS + 1):
        made.step(number)
    return made


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


@pytest.mark.parametrize("arguments", METHODS.values(), ids=METHODS)
def test_training_goes_on_as_if_it_had_never_stopped(arguments: dict[str, object]) -> None:
    config = method(arguments)
    whole, resumed = after(config, STEPS), continued(config, after(config, 3), done=3)
    assert not same(learnt(whole), learnt(after(config, 3)))
    assert same(learnt(resumed), learnt(whole))
    assert same(optimizer_state(resumed.optimizer), optimizer_state(whole.optimizer))


@pytest.mark.parametrize("done", range(1, STEPS))
def test_adalora_goes_on_in_every_phase_of_its_budget(done: int) -> None:
    config = method(ADALORA)
    whole, resumed = after(config, STEPS), continued(config, after(config, done), done=done)
    assert same(adapter_state(resumed.model), adapter_state(whole.model))
    assert same(optimizer_state(resumed.optimizer), optimizer_state(whole.optimizer))


def test_a_state_stays_as_it_was_while_training_goes_on() -> None:
    config = method(ADALORA)
    made = after(config, 3)
    states = adapter_state(made.model), optimizer_state(made.optimizer)
    before = [{name: tensor.clone() for name, tensor in state.items()} for state in states]
    made.step(4)
    assert all(same(state, kept) for state, kept in zip(states, before, strict=True))


def test_a_restored_optimizer_is_no_view_of_the_state_it_came_from() -> None:
    config = method(LORA)
    state = optimizer_state(after(config, 3).optimizer)
    before = {name: tensor.clone() for name, tensor in state.items()}
    made = learner(tiny_llama(layers=3), config, steps=STEPS)
    restore_optimizer(made.optimizer, state)
    made.step(4)
    assert same(state, before)


def test_biases_that_learn_leave_those_of_the_base_model_alone() -> None:
    base = tiny_llama(layers=1)
    linear = base.model.layers[0].self_attn.q_proj
    linear.bias = nn.Parameter(torch.zeros(linear.out_features))
    config = method(LORA | {"bias": "all"})
    made = learner(fresh(base, config), config, steps=1)
    made.step(1)
    assert any(name.endswith("q_proj.base_layer.bias") for name in learnt(made))
    assert linear.bias.abs().sum() == 0
